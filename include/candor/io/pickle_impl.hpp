// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// An interpreter of pickles (protocol 2) that knows the opcodes of numbers, texts, tuples, lists and
/// dictionaries, and the names that torch gives to tensors. It builds plain values and calls nothing; every
/// other opcode and every other name is refused with its place.

#include <candor/core/error.hpp>
#include <candor/core/scalar.hpp>
#include <candor/io/json_impl.hpp>
#include <candor/io/pickle_opcodes_impl.hpp>
#include <candor/io/pickle_value_impl.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace CANDOR_NS::detail {

class pickle_machine {
 public:
  /// `bytes` must outlive the machine; `place` begins every error.
  pickle_machine(std::string_view bytes, std::string place) : bytes_(bytes), place_(std::move(place)) {}

  /// Runs from the given byte up to STOP and gives the value that remains. Storages and tensors are collected
  /// over several runs.
  std::uint32_t run(std::size_t begin = 0) {
    at_ = begin;
    stack_.clear();
    marks_.clear();
    memo_.clear();
    expect_protocol();
    while (step()) {}
    if (stack_.size() != 1 || !marks_.empty())
      refuse("STOP with ", stack_.size(), " values on the stack, not one");
    return stack_.back();
  }

  /// The byte behind STOP.
  std::size_t end() const { return at_; }
  const pickle_value& operator[](std::uint32_t i) const { return values_[i]; }
  const std::vector<torch_storage>& storages() const { return storages_; }
  const std::vector<torch_view>& tensors() const { return tensors_; }

  /// input_error with the place of the current opcode.
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail<input_error>(place_, ", byte ", opcode_at_, ": ", parts...);
  }

 private:
  static constexpr std::size_t most_values = std::size_t{1} << 22, most_axes = 64;

  // reading

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_)
      refuse("asks for ", count, " bytes, ", bytes_.size() - at_, " are left: the pickle is truncated");
    const auto out = bytes_.substr(at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::size_t>(count);
    return out;
  }
  template <class N>
  N take_number() {
    N n;
    std::memcpy(&n, take(sizeof n).data(), sizeof n);
    return n;
  }
  std::string_view take_line() {
    const auto newline = bytes_.find('\n', at_);
    if (newline == bytes_.npos) refuse("a name without an end: the pickle is truncated");
    const auto line = take(newline - at_);
    ++at_;
    return line;
  }

  void expect_protocol() {
    opcode_at_ = at_;
    if (take_number<std::uint8_t>() != op::proto) refuse("a pickle begins with PROTO");
    if (const int protocol = take_number<std::uint8_t>(); protocol != 2)
      refuse("pickle protocol ", protocol,
             " is not read; torch.save writes protocol 2 unless told otherwise");
  }

  // the stack

  std::uint32_t push(pickle_value value) {
    if (values_.size() >= most_values) refuse("more than ", most_values, " values");
    values_.push_back(std::move(value));
    stack_.push_back(static_cast<std::uint32_t>(values_.size() - 1));
    return stack_.back();
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::uint32_t pop() {
    if (stack_.size() <= floor()) refuse(name_of_opcode(opcode_), " finds no value on the stack");
    const auto top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::uint32_t top() const {
    if (stack_.size() <= floor()) refuse(name_of_opcode(opcode_), " finds no value on the stack");
    return stack_.back();
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) refuse(name_of_opcode(opcode_), " finds no MARK on the stack");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<std::uint32_t> out(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return out;
  }
  std::vector<std::uint32_t> pop_some(std::size_t count) {
    std::vector<std::uint32_t> out(count);
    while (count > 0) out[--count] = pop();
    return out;
  }

  // the opcodes

  bool step() {
    opcode_at_ = at_;
    opcode_ = take_number<std::uint8_t>();
    using v = pickle_value;
    switch (opcode_) {
      case op::stop: return false;
      case op::mark: marks_.push_back(stack_.size()); break;
      case op::none: push({}); break;
      case op::newtrue: push({.kind = v::boolean, .number = 1}); break;
      case op::newfalse: push({.kind = v::boolean}); break;
      case op::binint: push({.kind = v::integer, .number = take_number<std::int32_t>()}); break;
      case op::binint1: push({.kind = v::integer, .number = take_number<std::uint8_t>()}); break;
      case op::binint2: push({.kind = v::integer, .number = take_number<std::uint16_t>()}); break;
      case op::long1: push_long(); break;
      case op::binfloat: take(8), push({.kind = v::real}); break;
      case op::binunicode: push({.kind = v::string, .text = take(take_number<std::uint32_t>())}); break;
      case op::empty_tuple: push({.kind = v::tuple}); break;
      case op::tuple: push({.kind = v::tuple, .items = pop_to_mark()}); break;
      case op::tuple1: push({.kind = v::tuple, .items = pop_some(1)}); break;
      case op::tuple2: push({.kind = v::tuple, .items = pop_some(2)}); break;
      case op::tuple3: push({.kind = v::tuple, .items = pop_some(3)}); break;
      case op::empty_list: push({.kind = v::list}); break;
      case op::append: add(v::list, pop_some(1)); break;
      case op::appends: add(v::list, pop_to_mark()); break;
      case op::empty_dict: push({.kind = v::dict}); break;
      case op::setitem: add(v::dict, pop_some(2)); break;
      case op::setitems: add(v::dict, pop_to_mark()); break;
      case op::binput: memo_[take_number<std::uint8_t>()] = top(); break;
      case op::long_binput: memo_[take_number<std::uint32_t>()] = top(); break;
      case op::binget: recall(take_number<std::uint8_t>()); break;
      case op::long_binget: recall(take_number<std::uint32_t>()); break;
      case op::global: push_global(); break;
      case op::binpersid: push_storage(); break;
      case op::reduce: reduce(); break;
      case op::build: build(); break;
      default:
        refuse("the opcode ", name_of_opcode(opcode_),
               " is refused: files of tensors have none, and nothing of a file is run");
    }
    return true;
  }

  /// A whole number of up to 8 bytes; one of more has no use in a tensor.
  void push_long() {
    const auto bytes = take(take_number<std::uint8_t>());
    std::int64_t n = !bytes.empty() && (bytes.back() & 0x80) != 0 ? -1 : 0;
    if (bytes.size() > sizeof n) refuse("a whole number of ", bytes.size(), " bytes; up to 8 are read");
    std::memcpy(&n, bytes.data(), bytes.size());
    push({.kind = pickle_value::integer, .number = n});
  }

  void recall(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end())
      refuse(name_of_opcode(opcode_), " asks for the memo ", key, ", which was not put");
    stack_.push_back(found->second);
  }

  void add(pickle_value::kind_type kind, const std::vector<std::uint32_t>& items) {
    pickle_value& to = values_[top()];
    if (to.kind != kind)
      refuse(name_of_opcode(opcode_), " needs a ", kind == pickle_value::dict ? "dictionary" : "list");
    if (kind == pickle_value::dict && items.size() % 2 != 0) refuse("SETITEMS has a key without a value");
    to.items.insert(to.items.end(), items.begin(), items.end());
  }

  void push_global() {
    const auto module = take_line(), name = take_line();
    const auto known = find_torch_global(module, name);
    if (!known)
      refuse("GLOBAL ", shown(module), ".", shown(name),
             " is refused: only names of tensors, storages and OrderedDict are known, and nothing of a file "
             "is run");
    push({.kind = pickle_value::global, .meaning = known->first, .type = known->second});
  }

  /// A name from the file without the quotes.
  static std::string shown(std::string_view name) {
    const std::string quoted = in_quotes(name);
    return quoted.substr(1, quoted.rfind('"') - 1);
  }

  // what torch makes of them

  /// ("storage", type, key, device, elements), and None behind it in files from before torch 1.6.
  void push_storage() {
    const auto id = values_[pop()].items;
    const auto is = [&](std::size_t i, pickle_value::kind_type kind) {
      return i < id.size() && values_[id[i]].kind == kind;
    };
    if ((id.size() != 5 && !(id.size() == 6 && is(5, pickle_value::none))) || !is(0, pickle_value::string) ||
        values_[id[0]].text != "storage" || !is(1, pickle_value::global) ||
        values_[id[1]].meaning != torch_global::storage || !is(2, pickle_value::string) ||
        !is(3, pickle_value::string) || !is(4, pickle_value::integer) || values_[id[4]].number < 0)
      refuse("BINPERSID without (\"storage\", type, key, device, number of elements)");
    torch_storage s{.key = std::string(values_[id[2]].text),
                    .type = values_[id[1]].type,
                    .elements = static_cast<std::uint64_t>(values_[id[4]].number)};
    const auto [place, fresh] = storage_of_.emplace(s.key, storages_.size());
    if (!fresh) {
      const auto& known = storages_[place->second];
      if (known.type != s.type || known.elements != s.elements)
        refuse("the storage ", in_quotes(s.key), " is named with ", s.elements, " elements of ",
               name_of(s.type), " here and ", known.elements, " of ", name_of(known.type), " before");
    } else {
      storages_.push_back(std::move(s));
    }
    push({.kind = pickle_value::storage, .number = static_cast<std::int64_t>(place->second)});
  }

  void reduce() {
    const auto arguments = pop();
    const pickle_value function = values_[pop()];
    if (values_[arguments].kind != pickle_value::tuple) refuse("REDUCE without a tuple of arguments");
    if (function.kind != pickle_value::global || function.meaning == torch_global::storage)
      refuse("REDUCE calls what is no function: it is refused, and nothing of a file is run");
    const auto items = values_[arguments].items;
    switch (function.meaning) {
      case torch_global::ordered_dict:
        if (!items.empty()) refuse("OrderedDict with arguments is not supported");
        push({.kind = pickle_value::dict, .ordered = true});
        break;
      case torch_global::size:
        if (items.size() != 1 || values_[items[0]].kind != pickle_value::tuple)
          refuse("torch.Size without a tuple");
        stack_.push_back(items[0]);
        break;
      case torch_global::rebuild_tensor: rebuild_tensor(items); break;
      default:
        if (items.size() != 3 || values_[items[0]].kind != pickle_value::tensor)
          refuse("_rebuild_parameter without a tensor and two arguments");
        stack_.push_back(items[0]);
    }
  }

  /// (storage, offset, sizes, strides, requires_grad, hooks), and metadata behind it where there is some.
  void rebuild_tensor(const std::vector<std::uint32_t>& items) {
    if (items.size() < 6 || items.size() > 7 || values_[items[0]].kind != pickle_value::storage)
      refuse("_rebuild_tensor_v2 without a storage, offset, size, strides, requires_grad and hooks");
    torch_view view{.storage = static_cast<std::size_t>(values_[items[0]].number),
                    .offset = count(items[1], "the offset"),
                    .dims = counts(items[2], "the size"),
                    .strides = counts(items[3], "the stride")};
    if (view.dims.size() != view.strides.size())
      refuse("a tensor with ", view.dims.size(), " axes and ", view.strides.size(), " strides");
    check_within(view);
    tensors_.push_back(std::move(view));
    push({.kind = pickle_value::tensor, .number = static_cast<std::int64_t>(tensors_.size() - 1)});
  }

  std::uint64_t count(std::uint32_t value, std::string_view what) const {
    const auto& v = values_[value];
    if (v.kind != pickle_value::integer || v.number < 0)
      refuse(what, " of a tensor must be a whole number from 0");
    return static_cast<std::uint64_t>(v.number);
  }
  std::vector<std::uint64_t> counts(std::uint32_t value, std::string_view what) const {
    const auto& v = values_[value];
    if (v.kind != pickle_value::tuple) refuse(what, " of a tensor must be a tuple");
    if (v.items.size() > most_axes)
      refuse("a tensor with ", v.items.size(), " axes; at most ", most_axes, " are read");
    std::vector<std::uint64_t> out;
    for (const auto item : v.items) out.push_back(count(item, what));
    return out;
  }

  /// All elements must lie in the storage, and be no more than it has: a view that repeats elements could
  /// claim any size.
  void check_within(const torch_view& view) const {
    const auto& s = storages_[view.storage];
    std::uint64_t elements = 1, last = view.offset;
    bool fits = true;
    for (const auto d : view.dims) fits = fits && !__builtin_mul_overflow(elements, d, &elements);
    if (!fits) refuse("the product of a tensor's size overflows");
    for (std::size_t i = 0; i < view.dims.size() && elements > 0; ++i) {
      std::uint64_t reach = 0;
      fits = fits && !__builtin_mul_overflow(view.dims[i] - 1, view.strides[i], &reach) &&
             !__builtin_add_overflow(last, reach, &last);
    }
    if (!fits || (elements > 0 ? last >= s.elements : view.offset > s.elements))
      refuse("a tensor reaches beyond its storage ", in_quotes(s.key), " of ", s.elements, " elements");
    if (elements > s.elements)
      refuse("a tensor of ", elements, " elements repeats those of its storage ", in_quotes(s.key),
             ", which has ", s.elements, "; save tensor.contiguous()");
  }

  /// The attributes of a state dictionary (`_metadata`) say nothing about its tensors.
  void build() {
    const auto state = pop();
    const auto& object = values_[top()];
    if (object.kind != pickle_value::dict || !object.ordered || values_[state].kind != pickle_value::dict)
      refuse("BUILD is refused for all but the attributes of an OrderedDict: nothing of a file is run");
  }

  std::string_view bytes_;
  std::string place_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::uint8_t opcode_ = 0;
  std::vector<pickle_value> values_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, std::uint32_t> memo_;
  std::map<std::string, std::size_t> storage_of_;
  std::vector<torch_storage> storages_;
  std::vector<torch_view> tensors_;
};

}  // namespace CANDOR_NS::detail
