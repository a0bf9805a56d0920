// SPDX-License-Identifier: Apache-2.0
#include "program/completion.hpp"

#include <candor/core/error.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <vector>

namespace program {
namespace {

using candor::text;

/// What a name may hold that stands in scripts without quotes.
constexpr std::string_view word_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+";

enum class value_kind { none, file, folder, words, other };

struct option_facts {
  std::vector<std::string> names;  ///< without dashes
  std::string description;
  value_kind kind = value_kind::other;
  std::string words;  ///< separated by spaces
};

option_facts facts_of(const CLI::Option& option) {
  option_facts facts{option.get_lnames(), option.get_description(), value_kind::other, {}};
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() == 0)
    facts.kind = value_kind::none;
  else if (type.starts_with("FILE") || type.starts_with("PATH") ||
           type.starts_with("TEXT"))  // most texts are names of files
    facts.kind = value_kind::file;
  else if (type.starts_with("FOLDER"))
    facts.kind = value_kind::folder;
  else if (type.starts_with("BOOLEAN"))
    facts.words = "true false";
  else if (type.starts_with('{'))
    for (const char c : type.substr(1, type.find('}') - 1)) facts.words += c == ',' ? ' ' : c;
  if (!facts.words.empty()) facts.kind = value_kind::words;
  return facts;
}

/// The options of the program and of its option groups.
std::vector<option_facts> options_of(const CLI::App& app) {
  std::vector<option_facts> out;
  for (const CLI::Option* option : app.get_options())
    if (!option->get_lnames().empty()) out.push_back(facts_of(*option));
  for (const CLI::App* group : app.get_subcommands([](const CLI::App*) { return true; }))
    for (auto& option : options_of(*group)) out.push_back(std::move(option));
  return out;
}

/// Names with dashes before them, joined.
std::string joined(const std::vector<std::string>& names, const std::string& between) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "--" : between + "--") + name;
  return out;
}

/// With a backslash before each of these characters.
std::string escaped(const std::string& plain, std::string_view special) {
  std::string out;
  for (const char c : plain) {
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out;
}

/// For use between single quotes.
std::string quoted(std::string plain) {
  for (std::size_t at = 0; (at = plain.find('\'', at)) != plain.npos; at += 4) plain.replace(at, 1, "'\\''");
  return plain;
}

std::string bash_script(const std::string& name, const std::vector<option_facts>& options) {
  std::string all, cases;
  for (const auto& o : options) {
    all += (all.empty() ? "" : " ") + joined(o.names, " ");
    std::string reply;
    if (o.kind == value_kind::file)
      reply = "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$word\"))";
    if (o.kind == value_kind::folder)
      reply = "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$word\"))";
    if (o.kind == value_kind::words) reply = text("COMPREPLY=($(compgen -W \"", o.words, "\" -- \"$word\"))");
    if (o.kind == value_kind::other) reply = "COMPREPLY=()";
    if (!reply.empty()) cases += text("    ", joined(o.names, "|"), ") ", reply, "; return ;;\n");
  }
  std::string function = "_" + name + "_complete";
  std::replace_if(
      function.begin(), function.end(), [](char c) { return c == '-' || c == '.' || c == '+'; }, '_');
  return text("# bash completion of ", name, ". For this shell: source <(", name,
              " --completion bash); for all: ", name,
              " --completion bash > ~/.local/share/bash-completion/completions/", name, "\n", function,
              "() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
              "  case $before in\n",
              cases, "  esac\n  COMPREPLY=($(compgen -W \"", all, "\" -- \"$word\"))\n}\ncomplete -F ",
              function, " ", name, "\n");
}

std::string zsh_script(const std::string& name, const std::vector<option_facts>& options) {
  std::string specs;
  for (const auto& o : options) {
    const std::string value = o.kind == value_kind::none     ? ""
                              : o.kind == value_kind::file   ? ":file:_files"
                              : o.kind == value_kind::folder ? ":folder:_files -/"
                              : o.kind == value_kind::words  ? text(":value:(", o.words, ")")
                                                             : ":value:";
    for (const auto& n : o.names)
      specs += text(" \\\n  '(", joined(o.names, " "), ")--", n, "[", quoted(escaped(o.description, "[]:\\")),
                    "]", value, "'");
  }
  return text("#compdef ", name, "\n# zsh completion of ", name, ". ", name, " --completion zsh > FOLDER/_",
              name, ", where FOLDER is in $fpath before compinit runs\n_arguments", specs, "\n");
}

std::string fish_script(const std::string& name, const std::vector<option_facts>& options) {
  std::string out =
      text("# fish completion of ", name, ". ", name, " --completion fish > ~/.config/fish/completions/",
           name, ".fish\ncomplete -c ", name, " -f\n");
  for (const auto& o : options) {
    const std::string value = o.kind == value_kind::none     ? ""
                              : o.kind == value_kind::file   ? " -r -F"
                              : o.kind == value_kind::folder ? " -x -a '(__fish_complete_directories)'"
                              : o.kind == value_kind::words  ? text(" -x -a '", o.words, "'")
                                                             : " -x";
    for (const auto& n : o.names)
      out += text("complete -c ", name, " -l ", n, value, " -d '", escaped(o.description, "'\\"), "'\n");
  }
  return out;
}

}  // namespace

std::string called_name(const char* name, int argc, const char* const* argv) {
  const std::string called = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  const bool word =
      !called.empty() && called.front() != '-' && called.find_first_not_of(word_letters) == called.npos;
  return word ? called : name;
}

std::string completion_script(const CLI::App& app, const std::string& shell) {
  const auto options = options_of(app);
  if (shell == "bash") return bash_script(app.get_name(), options);
  if (shell == "zsh") return zsh_script(app.get_name(), options);
  candor::require<candor::usage_error>(shell == "fish", "--completion ", shell,
                                       " is unknown: use bash, zsh or fish");
  return fish_script(app.get_name(), options);
}

void add_completion(CLI::App& app) {
  app.add_option_function<std::string>(
         "--completion",
         [&app](const std::string& shell) {
           std::printf("%s", completion_script(app, shell).c_str());
           throw CLI::Success();
         },
         "print a completion script for this shell")
      ->type_name("{bash,zsh,fish}")
      ->configurable(false);
}

}  // namespace program
