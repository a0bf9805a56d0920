// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Typed access to a parsed document for implementation files: each value is checked for kind and range, and
/// an error names file, path of keys, what was expected and what was found.

#include <candor/core/error.hpp>
#include <candor/io/json_impl.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CANDOR_NS::detail {

/// A value with its path. The document must outlive it.
///
///     const json_field config(document, "model/config.json");
///     const auto width = config["hidden_size"].integer(1, 1 << 20);      // required
///     const auto theta = config.number_or("rope_theta", 10000);          // absent or null: the default
class json_field {
 public:
  json_field(const json& value, std::string file, std::string path = {})
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  const json& value() const { return *value_; }
  /// "file: a.b[2]", the beginning of every error about this value.
  std::string place() const { return path_.empty() ? file_ : text(file_, ": ", path_); }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail<input_error>(place(), ": ", parts...);
  }

  /// The member of an object; nothing where it is absent or null.
  std::optional<json_field> find(std::string_view key) const {
    object();
    const auto it = value_->find(key);
    if (it == value_->end() || it->is_null()) return std::nullopt;
    return json_field(*it, file_, path_.empty() ? std::string(key) : text(path_, ".", key));
  }
  /// The member of an object, which must be there.
  json_field operator[](std::string_view key) const {
    if (auto found = find(key)) return *found;
    refuse("the key ", in_quotes(key), " is missing");
  }
  bool has(std::string_view key) const { return find(key).has_value(); }

  const json_field& object() const { return expect(value_->is_object(), "an object"); }
  /// The items of an array.
  std::vector<json_field> items() const {
    expect(value_->is_array(), "an array");
    std::vector<json_field> out;
    out.reserve(value_->size());
    for (std::size_t i = 0; i < value_->size(); ++i)
      out.emplace_back((*value_)[i], file_, text(path_, "[", i, "]"));
    return out;
  }

  std::int64_t integer(std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t most = std::numeric_limits<std::int64_t>::max()) const {
    const bool fits =
        value_->is_number_integer() &&
        !(value_->is_number_unsigned() &&
          value_->get<std::uint64_t>() > std::uint64_t(std::numeric_limits<std::int64_t>::max()));
    const std::int64_t v = fits ? value_->get<std::int64_t>() : 0;
    const bool any = least == std::numeric_limits<std::int64_t>::min();
    expect(fits && v >= least && v <= most,
           any ? "an integer" : text("an integer from ", least, " to ", most));
    return v;
  }
  double number(double least = -std::numeric_limits<double>::max(),
                double most = std::numeric_limits<double>::max()) const {
    const double v = value_->is_number() ? value_->get<double>() : std::nan("");
    const bool any = least == -std::numeric_limits<double>::max();
    expect(v >= least && v <= most, any ? "a number" : text("a number from ", least, " to ", most));
    return v;
  }
  bool boolean() const {
    expect(value_->is_boolean(), "true or false");
    return value_->get<bool>();
  }
  const std::string& string() const {
    expect(value_->is_string(), "a string");
    return value_->get_ref<const std::string&>();
  }

  std::int64_t integer_or(std::string_view key, std::int64_t otherwise,
                          std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                          std::int64_t most = std::numeric_limits<std::int64_t>::max()) const {
    const auto found = find(key);
    return found ? found->integer(least, most) : otherwise;
  }
  double number_or(std::string_view key, double otherwise, double least = -std::numeric_limits<double>::max(),
                   double most = std::numeric_limits<double>::max()) const {
    const auto found = find(key);
    return found ? found->number(least, most) : otherwise;
  }
  bool boolean_or(std::string_view key, bool otherwise) const {
    const auto found = find(key);
    return found ? found->boolean() : otherwise;
  }
  std::string string_or(std::string_view key, std::string_view otherwise) const {
    const auto found = find(key);
    return found ? found->string() : std::string(otherwise);
  }

 private:
  const json_field& expect(bool holds, std::string_view kind) const {
    if (!holds) [[unlikely]]
      refuse("expected ", kind, ", found ", shown());
    return *this;
  }
  std::string shown() const {
    if (value_->is_string()) return in_quotes(value_->get_ref<const std::string&>());
    if (value_->is_object() || value_->is_array()) return value_->is_object() ? "an object" : "an array";
    return value_->dump();
  }

  const json* value_;
  std::string file_, path_;
};

}  // namespace CANDOR_NS::detail
