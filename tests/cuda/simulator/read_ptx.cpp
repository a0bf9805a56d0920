// SPDX-License-Identifier: Apache-2.0
#include "cuda/simulator/operations.hpp"
#include "cuda/simulator/ptx_words.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace simulator {
namespace {

using names = std::map<std::string, std::int32_t, std::less<>>;

/// Reads one kernel, from behind `.entry`.
class kernel_reader {
 public:
  kernel_reader(ptx_words& in, kernel& out, const std::set<std::string, std::less<>>& shared)
      : in_(in), out_(out), shared_(shared) {
    out_.slots.resize(special::count);
    scopes_.emplace_back();
    constexpr const char* axes[] = {"x", "y", "z"};
    for (int n = 0; n < 3; ++n)
      for (const auto& [name, first] : {std::pair{"%tid.", special::tid},
                                        {"%ntid.", special::ntid},
                                        {"%ctaid.", special::ctaid},
                                        {"%nctaid.", special::nctaid}})
        scopes_.back()[std::string(name) + axes[n]] = first + n;
    scopes_.back()["%laneid"] = special::laneid;
  }

  void read() {
    out_.name = in_.take();
    read_parameters();
    while (in_.peek() != "{") {
      if (!in_.take_if(".maxntid")) in_.fail("the directive " + std::string(in_.peek()));
      out_.most_threads = 1;
      do out_.most_threads *= static_cast<int>(number());
      while (in_.take_if(","));
    }
    in_.take();
    for (int depth = 1; depth > 0;) {
      if (in_.take_if("{")) {
        ++depth;
        scopes_.emplace_back();
      } else if (in_.take_if("}")) {
        --depth;
        scopes_.pop_back();
      } else {
        read_statement();
      }
    }
    for (auto& [place, name] : jumps_) {
      const auto found = labels_.find(name);
      if (found == labels_.end()) in_.fail("no label " + name);
      out_.code[place].target = found->second;
    }
    out_.code.push_back({.run = operations().find("ret")->second.run, .line = in_.line()});
  }

 private:
  std::int64_t number() {
    const auto value = immediate(in_.take());
    if (!value) in_.fail("expected a number");
    return static_cast<std::int64_t>(*value);
  }
  static std::optional<slot> immediate(std::string_view word) {
    const bool single = word.starts_with("0f"), twice = word.starts_with("0d"),
               hexadecimal = word.starts_with("0x");
    const int base = single || twice || hexadecimal ? 16 : 10;
    if (base == 16) word.remove_prefix(2);
    slot value = 0;
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (problem != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
  }
  std::int32_t constant(slot value) {
    const auto [found, fresh] = constants_.emplace(value, static_cast<std::int32_t>(out_.slots.size()));
    if (fresh) out_.slots.push_back(value);
    return found->second;
  }

  // .param .align 8 .b8 name[256], .param .u64 name
  void read_parameters() {
    in_.expect("(");
    while (!in_.take_if(")")) {
      in_.take_if(",");
      in_.expect(".param");
      const auto [name, bytes, alignment] = variable();
      const std::size_t at = (out_.parameter_bytes + alignment - 1) / alignment * alignment;
      parameters_[name] = at;
      out_.parameter_offsets.push_back(at);
      out_.parameter_sizes.push_back(bytes);
      out_.parameter_bytes = at + bytes;
    }
    out_.parameters = std::make_unique<std::byte[]>(out_.parameter_bytes + 16);
    for (const auto& [name, at] : parameters_)
      scopes_.back()[name] = constant(reinterpret_cast<slot>(out_.parameters.get() + at));
  }
  struct declared {
    std::string name;
    std::size_t bytes, alignment;
  };
  declared variable() {
    std::size_t alignment = 0;
    if (in_.take_if(".align")) alignment = static_cast<std::size_t>(number());
    const std::string type(in_.take());
    const auto digits = type.find_first_of("0123456789");
    if (digits == std::string::npos) in_.fail("the type " + type);
    std::size_t bytes = std::stoul(type.substr(digits)) / 8;
    if (alignment == 0) alignment = bytes;
    std::string name(in_.take());
    if (in_.take_if("[")) {
      bytes *= static_cast<std::size_t>(number());
      in_.expect("]");
    }
    return {std::move(name), bytes, alignment};
  }

  void read_statement() {
    const std::uint32_t line = in_.line();
    std::string word(in_.take());
    if (word == ".pragma") {
      while (in_.take() != ";") {}
    } else if (word == ".loc") {
      for (int n = 0; n < 3; ++n) number();
    } else if (word == ".reg") {
      in_.take();  // its type: instructions have their own
      do declare(std::string(in_.take()));
      while (in_.take_if(","));
      in_.expect(";");
    } else if (word == ".local") {
      const auto [name, bytes, alignment] = variable();
      if (out_.local_bytes > 0) in_.fail("a second variable in local memory");
      out_.local_bytes = bytes;
      scopes_.back()[name] = special::locals;
      in_.expect(";");
    } else if (in_.take_if(":")) {
      labels_[word] = static_cast<std::int32_t>(out_.code.size());
    } else {
      read_instruction(word, line);
    }
  }
  void declare(const std::string& name) {
    if (in_.take_if("<")) {
      families_.insert(name);
      in_.take();
      in_.expect(">");
    } else {
      scopes_.back()[name] = new_register();
    }
  }
  std::int32_t new_register() {
    out_.slots.push_back(poison);
    return static_cast<std::int32_t>(out_.slots.size()) - 1;
  }
  std::int32_t find(std::string_view word) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      if (const auto found = scope->find(word); found != scope->end()) return found->second;
    if (shared_.contains(word)) return constant(0);
    const auto family = word.substr(0, word.find_last_not_of("0123456789") + 1);
    if (!families_.contains(family)) in_.fail("the name " + std::string(word));
    return scopes_.front()[std::string(word)] = new_register();
  }

  /// A register, a number or the address of a variable.
  std::int32_t operand() {
    const bool negative = in_.take_if("-");
    const auto word = in_.take();
    if (word == "_") return -1;
    if (const auto value = immediate(word)) return constant(negative ? slot{0} - *value : *value);
    return find(word);
  }

  void read_instruction(std::string word, std::uint32_t line) {
    instruction i{.line = line};
    if (word == "@") {
      i.guard_negated = in_.take_if("!");
      i.guard = find(in_.take());
      word = in_.take();
    }
    std::string name = word;
    int operands = 0, filled = 0;
    const auto add = [&](std::int32_t where) {
      if (filled == static_cast<int>(std::size(i.at))) in_.fail("too many operands");
      i.at[filled++] = where;
    };
    for (; !in_.take_if(";"); in_.take_if(",")) {
      ++operands;
      if (name.starts_with("bra")) {
        jumps_.emplace_back(out_.code.size(), in_.take());
      } else if (in_.take_if("{")) {
        int elements = 0;
        for (; !in_.take_if("}"); in_.take_if(",")) {
          add(operand());
          ++elements;
        }
        if (name.starts_with("mov.")) name += operands == 1 ? " part" : " join";
        if (name.starts_with("ld.") || name.starts_with("st.")) i.count = elements;
      } else if (in_.take_if("[")) {
        add(operand());
        if (in_.take_if("+")) {
          if (!name.starts_with("ld") && !name.starts_with("st"))
            in_.fail("an offset in " + name + " is not known");
          const bool negative = in_.take_if("-");
          i.offset = negative ? -number() : number();
        }
        in_.expect("]");
      } else {
        add(operand());
        if (name.starts_with("shfl.") && operands == 1) add(in_.take_if("|") ? operand() : -1);
      }
    }
    const auto found = operations().find(name);
    if (found == operations().end()) in_.fail("the instruction " + name + " is not known");
    if (found->second.operands != operands)
      in_.fail(name + " with " + std::to_string(operands) + " operands");
    i.run = found->second.run;
    i.together = found->second.together;
    if (found->second.mask_operand >= 0) i.mask = i.at[found->second.mask_operand];
    out_.code.push_back(i);
  }

  static constexpr slot poison = 0x7ff7dead7fc7dead;  // NaN as a double and as a float

  ptx_words& in_;
  kernel& out_;
  const std::set<std::string, std::less<>>& shared_;
  std::vector<names> scopes_;
  std::set<std::string, std::less<>> families_;  // "%r" of `.reg .b32 %r<9>`
  std::map<std::string, std::size_t, std::less<>> parameters_;
  std::map<slot, std::int32_t> constants_;
  names labels_;
  std::vector<std::pair<std::size_t, std::string>> jumps_;
};

}  // namespace

std::string_view kernel::line(std::uint32_t n) const {
  std::size_t begin = 0;
  for (; n > 1; --n) begin = text->find('\n', begin) + 1;
  begin = text->find_first_not_of(" \t", begin);
  return std::string_view(*text).substr(begin, text->find('\n', begin) - begin);
}

ptx_module::ptx_module(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {
  const std::string_view all = *text_;
  constexpr std::string_view entry = ".entry ", shared = ".extern .shared ";
  for (std::size_t at = all.find(entry); at != all.npos; at = all.find(entry, at + 1)) {
    const std::size_t begin = at + entry.size();
    entries_[all.substr(begin, all.find_first_of("( \n", begin) - begin)] = begin;
  }
  for (std::size_t at = all.find(shared); at != all.npos; at = all.find(shared, at + 1)) {
    const std::size_t end = all.find('[', at), begin = all.rfind(' ', end) + 1;
    shared_.emplace(all.substr(begin, end - begin));
  }
}

kernel* ptx_module::find(std::string_view name) {
  if (const auto known = decoded_.find(name); known != decoded_.end()) return known->second.get();
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return nullptr;
  auto k = std::make_unique<kernel>();
  k->text = text_;
  const std::string_view all = *text_;
  ptx_words in(all.substr(entry->second),
               1 + static_cast<std::uint32_t>(std::count(
                       all.begin(), all.begin() + static_cast<std::ptrdiff_t>(entry->second), '\n')));
  kernel_reader(in, *k, shared_).read();
  return decoded_.emplace(name, std::move(k)).first->second.get();
}

}  // namespace simulator
