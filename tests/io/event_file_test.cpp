// SPDX-License-Identifier: Apache-2.0
#include <candor/io/atomic_file.hpp>
#include <candor/io/event_file.hpp>

#include "support/catch.hpp"
#include "support/child.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

using namespace candor;
using candor_test::scratch_folder;

namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// The payloads of a tfrecord file, whose lengths and CRCs must be right.
std::vector<std::string> records_of(const std::string& bytes) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size();) {
    REQUIRE(at + 12 <= bytes.size());
    const auto length = little_endian(std::string_view(bytes).substr(at, 8));
    REQUIRE(length <= bytes.size() - at - 12 - 4);
    out.push_back(bytes.substr(at + 12, length));
    const std::string record = detail::tfrecord(out.back());
    CHECK(bytes.substr(at, record.size()) == record);
    at += record.size();
  }
  return out;
}

std::vector<std::filesystem::path> event_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

const std::vector<event_file::scalar> some{{"loss", 0.6931471805599453},
                                           {"rewards/margins", -1.5e-7},
                                           {"eval_loss", std::numeric_limits<double>::infinity()}};

}  // namespace

TEST_CASE("CRC-32C has the values of RFC 3720", "[io][events]") {
  CHECK(detail::crc32c("123456789") == 0xe3069283u);
  CHECK(detail::crc32c(std::string(32, '\0')) == 0x8a9136aau);
  CHECK(detail::crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
}

TEST_CASE("events are the bytes that TensorBoard's own writer gives", "[io][events][golden]") {
  std::string table;
  for (int i = 0; i < 20; ++i) table += "| batch_size | 8 |\n";
  constexpr double when = 1700000000.25;
  const std::string own = detail::tfrecord(detail::version_event(when)) +
                          detail::tfrecord(detail::scalar_event(when, 300, some)) +
                          detail::tfrecord(detail::text_event(when, 0, "config", table)) +
                          detail::tfrecord(detail::restart_event(when, std::int64_t{1} << 40));
  const std::string wanted = read_file(candor_test::golden("io/events.tfevents"));
  CHECK(own.size() == wanted.size());
  CHECK((own == wanted));
}

TEST_CASE("an event is in the file when its call returns", "[io][events]") {
  const scratch_folder folder;
  event_file events(folder.path());
  CHECK(event_files(folder.path()).empty());
  events.add_scalars(1, some);
  const auto files = event_files(folder.path());
  REQUIRE(files.size() == 1);
  CHECK(files[0].filename().string().starts_with("events.out.tfevents."));
  CHECK(records_of(read_file(files[0])).size() == 2);  // the version, the scalars
  events.add_text(1, "note", "so far so good");
  events.add_scalars(2, {});
  events.sync();
  const auto records = records_of(read_file(files[0]));
  REQUIRE(records.size() == 3);
  CHECK(records[0].find("brain.Event:2") != std::string::npos);
  CHECK(records[1].find("rewards/margins") != std::string::npos);
  CHECK(records[2].find("so far so good") != std::string::npos);
}

TEST_CASE("files of one folder sort by age, and later ones tell from which step they stand", "[io][events]") {
  const scratch_folder folder;
  for (const std::int64_t first : {1, 5, 4}) {  // within one second
    event_file events(folder.path(), first);
    events.add_scalars(first, some);
  }
  const auto files = event_files(folder.path());
  REQUIRE(files.size() == 3);
  CHECK(records_of(read_file(files[0])).size() == 2);
  for (const std::size_t i : {1, 2}) {
    const auto records = records_of(read_file(files[i]));
    REQUIRE(records.size() == 3);
    const double when = std::bit_cast<double>(little_endian(std::string_view(records[1]).substr(1, 8)));
    CHECK((records[1] == detail::restart_event(when, i == 1 ? 5 : 4)));
    CHECK(when > 1.7e9);
  }
}

TEST_CASE("an event file that cannot be written is an error with its path", "[io][events]") {
  const scratch_folder folder;
  event_file events(folder / "absent");
  CHECK_THROWS_AS(events.add_scalars(1, some), io_error);
}
