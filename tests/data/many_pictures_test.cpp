// SPDX-License-Identifier: Apache-2.0
/// Parquet files of many records with their pictures inside, as `datasets` writes them: opening reads no
/// picture, whether a record has one or a list of them.
#include <candor/data/parquet.hpp>
#include <candor/data/preference_data.hpp>

#include "data/memory.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

#if CANDOR_HAS_PARQUET

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr int count = 5'000, group = 100;  // `datasets` writes a hundred pictures a row group

enum class kind { one, list, bare_list };  // {bytes, path}; a list of those; a list of bytes alone

int pictures_of(kind form, int i) { return form == kind::one ? 1 : 1 + i % 3; }

std::string picture(int i, int n) {
  std::string out = candor::text("picture ", n, " of ", i, " ");
  out.resize(20'000, static_cast<char>('a' + (i + n) % 26));
  return out;
}

void check(const arrow::Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

std::shared_ptr<arrow::Schema> schema_of(kind form) {
  const auto image =
      arrow::struct_({arrow::field("bytes", arrow::binary()), arrow::field("path", arrow::utf8())});
  const auto images = form == kind::one    ? image
                      : form == kind::list ? arrow::list(image)
                                           : arrow::list(arrow::binary());
  std::vector<std::shared_ptr<arrow::Field>> fields{arrow::field("images", images)};
  for (const char* name : {"question", "chosen", "rejected"})
    fields.push_back(arrow::field(name, arrow::utf8()));
  return arrow::schema(fields);
}

void append_picture(arrow::ArrayBuilder& to, kind form, int i, int n) {
  if (form == kind::bare_list) return check(static_cast<arrow::BinaryBuilder&>(to).Append(picture(i, n)));
  auto& image = static_cast<arrow::StructBuilder&>(to);
  check(image.Append());
  check(static_cast<arrow::BinaryBuilder*>(image.field_builder(0))->Append(picture(i, n)));
  check(static_cast<arrow::StringBuilder*>(image.field_builder(1))->Append(candor::text(i, "-", n, ".jpg")));
}

void write(const std::filesystem::path& path, kind form) {
  const auto schema = schema_of(form);
  const auto out = arrow::io::FileOutputStream::Open(path.string()).ValueOrDie();
  const auto options = parquet::WriterProperties::Builder().compression(arrow::Compression::SNAPPY)->build();
  const auto writer =
      parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), out, options).ValueOrDie();
  for (int begin = 0; begin < count; begin += group) {
    const auto rows = arrow::RecordBatchBuilder::Make(schema, arrow::default_memory_pool()).ValueOrDie();
    for (int i = begin; i < begin + group; ++i) {
      auto* images = rows->GetField(0);
      if (form != kind::one) {
        check(static_cast<arrow::ListBuilder*>(images)->Append());
        images = static_cast<arrow::ListBuilder*>(images)->value_builder();
      }
      for (int n = 0; n < pictures_of(form, i); ++n) append_picture(*images, form, i, n);
      for (const int field : {1, 2, 3})
        check(rows->GetFieldAs<arrow::StringBuilder>(field)->Append(candor::text("text ", field, " of ", i)));
    }
    const auto batch = rows->Flush().ValueOrDie();
    check(writer->WriteTable(*arrow::Table::FromRecordBatches({batch}).ValueOrDie(), group));
  }
  check(writer->Close());
}

}  // namespace

TEST_CASE("5,000 records with pictures in parquet open in a second and in little memory",
          "[data][parquet][many]") {
  const candor_test::scratch_folder folder;
  const auto path = folder / "pairs.parquet";
  for (const kind form : {kind::one, kind::list, kind::bare_list}) {
    REQUIRE(candor_test::in_child([&] { write(path, form); }).code == 0);
    const double before = candor_test::anonymous_memory();
    const std::clock_t begin = std::clock();  // of the processor: others may use the machine
    const candor::preference_data data(path);
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    const double grown = candor_test::anonymous_memory() - before;
    REQUIRE(data.size() == count);
    for (int k = 0; k < 200; ++k) {
      const int i = 2'477 * k % count;
      const auto record = data.record(i);
      CHECK(record.chosen == candor::text("text 2 of ", i));
      REQUIRE(static_cast<int>(record.images.size()) == pictures_of(form, i));
      for (std::size_t n = 0; n < record.images.size(); ++n)
        REQUIRE(record.images[n].read() == picture(i, static_cast<int>(n)));
    }
    const double later = candor_test::anonymous_memory() - before;
    std::printf("%s: %.2f s, %.1f MiB more for %d records, %.1f after 200 of them were read\n",
                form == kind::one    ? "one picture"
                : form == kind::list ? "list"
                                     : "list of bytes",
                seconds, grown, count, later);
#if !defined(__SANITIZE_ADDRESS__)
    CHECK(seconds < 1);
    CHECK(grown < 24);  // the pictures have 100 and 150 MB
    CHECK(later < 48);
#endif
  }
}

#endif
