// SPDX-License-Identifier: Apache-2.0
/// Files of many records: opening is quick, and what is kept does not grow with what they hold.
#include <candor/data/preference_data.hpp>
#include <candor/io/atomic_file.hpp>

#include "data/memory.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#include <cstdio>
#include <ctime>
#include <string>

using candor_test::anonymous_memory;
using candor_test::scratch_folder;

TEST_CASE("40,000 records open in seconds and in little memory", "[data][many]") {
  constexpr int count = 40'000;
  const scratch_folder folder;
  candor::write_atomically(folder / "a.png", "picture");
  const std::string words(400, 'w');
  for (const bool list : {false, true}) {
    {
      candor::atomic_file file(folder / "records");
      for (int i = 0; i < count; ++i)
        file.write(candor::text(
            !list    ? ""
            : i == 0 ? "[\n"
                     : ",\n",
            R"({"id": )", i,
            R"(, "image": "a.png", "conversations": [{"from": "human", "value": "<image>\nq"}, {"from": "gpt", "value": ")",
            words, i, R"("}, {"from": "human", "value": "r"}, {"from": "gpt", "value": "s"}]})",
            list ? "" : "\n"));
      file.write(list ? "]\n" : "");
      file.commit();
    }
    const double before = anonymous_memory();
    const std::clock_t begin = std::clock();  // of the processor: others may use the machine
    const candor::preference_data data(folder / "records", {.pairs = false});
    candor::fingerprint print;
    data.add_to(print);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    const double grown = anonymous_memory() - before;
    std::printf("%s: %.2f s, %.1f MiB more for %d records\n", list ? "list" : "lines", seconds, grown, count);
    REQUIRE(data.size() == count);
    CHECK(data.record(count - 1).chosen == candor::text(words, count - 1));
    CHECK(seconds < 30);
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(grown < 16);  // the file has 21 MiB
#endif
  }
}
