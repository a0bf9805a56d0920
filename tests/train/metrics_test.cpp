// SPDX-License-Identifier: Apache-2.0
#include <candor/core/error.hpp>
#include <candor/io/atomic_file.hpp>
#include <candor/train/metrics.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <sys/resource.h>

#include <csignal>
#include <limits>
#include <nlohmann/json.hpp>

using namespace candor;

namespace {

metrics_row row_of(double step, double loss) {
  metrics_row row;
  row.set("loss", loss);
  row.set("global_step", step);
  return row;
}

}  // namespace

TEST_CASE("a row keeps its order and prints doubles that read back as they are", "[train][metrics]") {
  metrics_row row;
  row.set("loss", 0.1 + 0.2);
  row.set("rewards/margins", -1.0 / 3.0);
  row.set("learning_rate", 5e-7);
  row.set("global_step", 1200);
  row.set("tiny", std::numeric_limits<double>::denorm_min());
  row.set("huge", std::numeric_limits<double>::max());
  row.set("loss", 0.6931471805599453);
  const auto text = row.json();
  CHECK(text.find("{\"loss\": 0.6931471805599453, \"rewards/margins\": -0.3333333333333333, ") == 0);
  CHECK(text.find("\"global_step\": 1200,") != std::string::npos);
  const auto parsed = nlohmann::ordered_json::parse(text);
  REQUIRE(parsed.size() == row.entries().size());
  std::size_t i = 0;
  for (const auto& [name, value] : parsed.items()) {
    CHECK(name == row.entries()[i].name);
    CHECK(value.get<double>() == row.entries()[i].value);
    ++i;
  }
  CHECK(metrics_row().json() == "{}");
}

TEST_CASE("values that are not finite become null", "[train][metrics]") {
  metrics_row row;
  row.set("loss", std::numeric_limits<double>::quiet_NaN());
  row.set("grad_norm", std::numeric_limits<double>::infinity());
  row.set("x", -std::numeric_limits<double>::infinity());
  CHECK(row.json() == "{\"loss\": null, \"grad_norm\": null, \"x\": null}");
}

TEST_CASE("evaluation metrics carry a prefix", "[train][metrics]") {
  metrics_row evaluation;
  evaluation.set("loss", 0.5);
  evaluation.set("rewards/accuracies", 0.75);
  metrics_row row;
  row.set("epoch", 1);
  row.set_all(evaluation, "eval_");
  CHECK(row.json() == "{\"epoch\": 1, \"eval_loss\": 0.5, \"eval_rewards/accuracies\": 0.75}");
  CHECK(row.find("eval_loss") == 0.5);
  CHECK_FALSE(row.find("loss").has_value());
}

TEST_CASE("names that would break the line are refused", "[train][metrics]") {
  metrics_row row;
  for (const char* name : {"", "a\"b", "a\\b", "a\nb", "\xc3\xa9"})
    CHECK_THROWS_AS(row.set(name, 1), usage_error);
}

TEST_CASE("a window gives weighted means and starts anew", "[train][metrics]") {
  metrics_window window;
  window.add("loss", 1.0, 3.0);
  window.add("acc", 0.5);
  window.add("loss", 5.0, 1.0);
  window.add("none", std::numeric_limits<double>::quiet_NaN(), 0.0);
  CHECK(window.sums().size() == 3);
  CHECK(window.take().json() == "{\"loss\": 2, \"acc\": 0.5}");
  CHECK(window.take().json() == "{}");
  CHECK_THROWS_AS(window.add("loss", 1.0, -1.0), usage_error);
}

TEST_CASE("a window restored from its sums gives the same bits", "[train][metrics]") {
  metrics_window whole, first;
  for (int i = 0; i < 7; ++i) {
    whole.add("loss", 0.1 * i);
    if (i < 4) first.add("loss", 0.1 * i);
  }
  metrics_window second(first.sums());
  for (int i = 4; i < 7; ++i) second.add("loss", 0.1 * i);
  CHECK(*second.take().find("loss") == *whole.take().find("loss"));
}

TEST_CASE("a resumed run cuts the metrics at the checkpoint's offset", "[train][metrics]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "metrics.jsonl";
  std::uint64_t at_checkpoint = 0;
  std::string whole;
  {
    metrics_writer writer(path);
    writer.write(row_of(1, 0.7));
    writer.write(row_of(2, 0.6));
    writer.sync();
    at_checkpoint = writer.offset();
    writer.write(row_of(3, 0.5));
    CHECK(writer.offset() == std::filesystem::file_size(path));
    whole = read_file(path);
    writer.write(row_of(4, 0.4));  // lost: written after the checkpoint, before the kill
  }
  {
    metrics_writer resumed(path, at_checkpoint);
    CHECK(resumed.offset() == at_checkpoint);
    metrics_writer moved = std::move(resumed);
    moved.write(row_of(3, 0.5));
  }
  CHECK(read_file(path) == whole);
  CHECK(whole ==
        "{\"loss\": 0.7, \"global_step\": 1}\n{\"loss\": 0.6, \"global_step\": 2}\n"
        "{\"loss\": 0.5, \"global_step\": 3}\n");
  CHECK(metrics_writer(path).offset() == 0);
  CHECK(read_file(path).empty());
}

TEST_CASE("an offset that does not fit the file is refused and nothing is cut", "[train][metrics]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "metrics.jsonl";
  metrics_writer(path).write(row_of(1, 0.7));
  const auto before = read_file(path);
  CHECK_THROWS_AS(metrics_writer(path, before.size() + 1), input_error);
  CHECK_THROWS_AS(metrics_writer(path, before.size() - 1), input_error);
  CHECK(read_file(path) == before);
  CHECK_THROWS_AS(metrics_writer(folder / "no/metrics.jsonl"), io_error);
}

TEST_CASE("a full disk leaves no half line in the metrics", "[train][metrics]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "metrics.jsonl";
  const auto end = candor_test::in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{50, 50};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(98);
    metrics_writer writer(path);
    writer.write(row_of(1, 0.7));
    writer.write(row_of(2, 0.6));
  });
  CHECK(end.code == 5);
  CHECK(read_file(path) == "{\"loss\": 0.7, \"global_step\": 1}\n");
}
