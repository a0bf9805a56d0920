// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// Named files that torch_file must refuse, each with a part of the error that it must give.

#include "io/torch_cases.hpp"

#include <string>
#include <vector>

namespace candor_test {

/// Pickles that ask for more than tensors, are not whole, or mean no dictionary of tensors.
inline std::vector<safetensors_case> malformed_pickles() {
  const auto call = [](const std::string& module, const std::string& name, const std::string& argument) {
    return torch_file_of(pickle_of("c" + module + "\n" + name + "\n(" + argument + "tR"));
  };
  const auto item = [](const std::string& value) { return torch_tensor(value); };
  const auto opcode = [](char code) { return torch_file_of("\x80\x02}" + std::string(1, code)); };
  const std::string good = good_pickle(), storage = storage_of("0", 4);
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "}" + pickled("d");
  deep += tensor_of(storage, 0, {1}, {1}) + repeated("s", 40);
  std::string laughs =
      pickled("0") + "}q" + std::string(1, '\0') + pickled("t") + tensor_of(storage, 0, {1}, {1}) + "s";
  for (char level = 1; level < 25; ++level) {
    const std::string before = "h" + std::string(1, static_cast<char>(level - 1));
    laughs += pickled(std::to_string(level)) + "}q" + std::string(1, level) + "(" + pickled("x") + before +
              pickled("y") + before + "u";
  }
  return {
      // what runs programs elsewhere
      {"os.system", call("os", "system", pickled("id")), "GLOBAL os.system is refused"},
      {"posix.system", call("posix", "system", pickled("id")),
       "data.pkl, byte 2: GLOBAL posix.system is refused"},
      {"nt.system", call("nt", "system", pickled("id")), "GLOBAL nt.system is refused"},
      {"builtins.eval", call("builtins", "eval", pickled("1")), "GLOBAL builtins.eval is refused"},
      {"builtins.exec", call("builtins", "exec", pickled("1")), "GLOBAL builtins.exec is refused"},
      {"builtins.getattr", call("builtins", "getattr", pickled("1")), "GLOBAL builtins.getattr is refused"},
      {"python 2's __builtin__.eval", call("__builtin__", "eval", pickled("1")),
       "GLOBAL __builtin__.eval is refused"},
      {"subprocess.Popen", call("subprocess", "Popen", pickled("id")), "GLOBAL subprocess.Popen is refused"},
      {"runpy._run_code", call("runpy", "_run_code", pickled("id")), "GLOBAL runpy._run_code is refused"},
      {"torch.load", call("torch", "load", pickled("x")), "GLOBAL torch.load is refused"},
      {"torch.hub.load", call("torch.hub", "load", pickled("x")), "GLOBAL torch.hub.load is refused"},
      {"a name like a known one", call("torch._utils", "_rebuild_tensor_v2 ", pickled("x")), "is refused"},
      {"a known name of another module", call("mytorch._utils", "_rebuild_tensor_v2", ""), "is refused"},
      {"a quantized storage", item(storage_of("0", 4, "QInt8Storage")),
       "GLOBAL torch.QInt8Storage is refused"},
      {"numpy.ndarray", call("numpy", "ndarray", ""), "GLOBAL numpy.ndarray is refused"},
      {"argparse.Namespace", call("argparse", "Namespace", ""), "GLOBAL argparse.Namespace is refused"},
      {"a global with control characters", call("os\x1b[2J", "x", ""), "GLOBAL os\\u001b[2J.x is refused"},
      {"INST", torch_file_of("\x80\x02(ios\nsystem\n."), "the opcode INST is refused"},
      {"OBJ", opcode('o'), "the opcode OBJ is refused"},
      {"NEWOBJ", opcode('\x81'), "the opcode NEWOBJ is refused"},
      {"NEWOBJ_EX", opcode('\x92'), "the opcode NEWOBJ_EX is refused"},
      {"STACK_GLOBAL", opcode('\x93'), "the opcode STACK_GLOBAL is refused"},
      {"EXT1", opcode('\x82'), "the opcode EXT1 is refused"},
      {"PERSID", opcode('P'), "the opcode PERSID is refused"},
      {"BINBYTES", opcode('B'), "the opcode BINBYTES is refused"},
      {"FRAME", opcode('\x95'), "the opcode FRAME is refused"},
      {"DUP", opcode('2'), "the opcode DUP is refused"},
      {"an unknown opcode", opcode('\xff'), "the opcode number 255 is refused"},
      {"REDUCE of a storage's type", item("ctorch\nFloatStorage\n)R"), "REDUCE calls what is no function"},
      {"REDUCE of a text", item(pickled("f") + ")R"), "REDUCE calls what is no function"},
      {"REDUCE of a tensor", item(tensor_of(storage, 0, {1}, {1}) + ")R"),
       "REDUCE calls what is no function"},
      {"REDUCE without a tuple", item("ccollections\nOrderedDict\n]R"), "REDUCE without a tuple"},
      {"OrderedDict with arguments", item("ccollections\nOrderedDict\n" + tuple_of({1}) + "R"),
       "with arguments"},
      {"BUILD of a plain dictionary", item("}}b"), "BUILD is refused"},
      {"BUILD of a tensor", item(tensor_of(storage, 0, {1}, {1}) + "}b"), "BUILD is refused"},
      {"BUILD with a text", item(ordered_dict + pickled("x") + "b"), "BUILD is refused"},
      // not whole
      {"protocol 0", torch_file_of("(dp0\n."), "begins with PROTO"},
      {"protocol 4", torch_file_of("\x80\x04}."), "protocol 4 is not read"},
      {"empty pickle", torch_file_of(""), "truncated"},
      {"no STOP", torch_file_of(good.substr(0, good.size() - 1)), "truncated"},
      {"bytes behind STOP", torch_file_of(good + "x"), "1 bytes follow the pickle"},
      {"a second pickle", torch_file_of(good + good), "bytes follow the pickle"},
      {"a text longer than the pickle", torch_file_of("\x80\x02X\xff\xff\xff\xff."),
       "asks for 4294967295 bytes"},
      {"a global without an end",
       torch_file_of("\x80\x02"
                     "ctorch\nLongSto"),
       "a name without an end"},
      {"an integer of 255 bytes", torch_file_of("\x80\x02\x8a\xff" + std::string(255, '\1') + "."),
       "255 bytes; up to 8"},
      {"an integer cut short",
       torch_file_of("\x80\x02\x8a\x08"
                     "1."),
       "asks for 8 bytes"},
      {"nothing on the stack", torch_file_of("\x80\x02."), "STOP with 0 values"},
      {"two values on the stack", torch_file_of("\x80\x02NN."), "STOP with 2 values"},
      {"an open MARK", torch_file_of("\x80\x02(N."), "STOP with 1 values"},
      {"TUPLE without MARK", torch_file_of("\x80\x02Nt."), "TUPLE finds no MARK"},
      {"TUPLE3 of two", torch_file_of("\x80\x02NN\x87."), "TUPLE3 finds no value"},
      {"REDUCE below a MARK", torch_file_of("\x80\x02N(R."), "REDUCE finds no value"},
      {"SETITEM on a list", torch_file_of("\x80\x02]NNs."), "SETITEM needs a dictionary"},
      {"APPEND on a dictionary", torch_file_of("\x80\x02}Na."), "APPEND needs a list"},
      {"SETITEMS with a key alone", torch_file_of("\x80\x02}(Nu."), "a key without a value"},
      {"a memo that was not put", torch_file_of("\x80\x02h\x07."), "memo 7, which was not put"},
      {"BINPUT of nothing", torch_file_of("\x80\x02q\x01."), "BINPUT finds no value"},
      // tensors
      {"beyond the storage", item(tensor_of(storage, 0, {5}, {1})), "reaches beyond its storage \"0\" of 4"},
      {"offset beyond the storage", item(tensor_of(storage, 4, {1}, {1})), "reaches beyond"},
      {"offset of an empty tensor beyond", item(tensor_of(storage, 5, {0}, {1})), "reaches beyond"},
      {"stride beyond the storage", item(tensor_of(storage, 0, {2}, {4})), "reaches beyond"},
      {"strides that overflow", item(tensor_of(storage, 0, {4, 4}, {INT64_MAX, INT64_MAX})),
       "reaches beyond"},
      {"size that overflows", item(tensor_of(storage, 0, {INT64_MAX, INT64_MAX}, {0, 0})), "overflows"},
      {"size of nothing that overflows", item(tensor_of(storage, 0, {INT64_MAX, INT64_MAX, 0}, {0, 0, 0})),
       "overflows"},
      {"offset that overflows", item(tensor_of(storage, INT64_MAX, {3}, {INT64_MAX})), "reaches beyond"},
      {"elements repeated without end", item(tensor_of(storage, 0, {1 << 20, 1 << 20}, {0, 0})),
       "repeats those"},
      {"overlapping windows", item(tensor_of(storage, 0, {3, 2}, {1, 1})), "a tensor of 6 elements repeats"},
      {"negative offset", item(tensor_of(storage, -1, {1}, {1})), "the offset of a tensor must be"},
      {"negative size", item(tensor_of(storage, 0, {-1}, {1})), "the size of a tensor must be"},
      {"negative stride", item(tensor_of(storage, 3, {2}, {-1})), "the stride of a tensor must be"},
      {"one stride for two axes", item(tensor_of(storage, 0, {2, 2}, {1})), "2 axes and 1 strides"},
      {"65 axes",
       item(tensor_of(storage, 0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1))),
       "a tensor with 65 axes"},
      {"a tensor of no storage", item(tensor_of("N", 0, {1}, {1})), "without a storage"},
      {"a tensor of a tensor", item(tensor_of(tensor_of(storage, 0, {1}, {1}), 0, {1}, {1})),
       "without a storage"},
      {"a tensor with two arguments", item("ctorch._utils\n_rebuild_tensor_v2\n" + tuple_of({1, 2}) + "R"),
       "without"},
      {"a parameter of nothing", item("ctorch._utils\n_rebuild_parameter\n(N\x89" + ordered_dict + "tR"),
       "_rebuild_parameter"},
      {"a storage id that is a number", item("K\1Q"), "BINPERSID without"},
      {"a storage id of another kind",
       item("(" + pickled("module") + "ctorch\nFloatStorage\n" + pickled("0") + pickled("cpu") + pickled(4) +
            "tQ"),
       "BINPERSID without"},
      {"a storage of a negative size", item(tensor_of(storage_of("0", -4), 0, {1}, {1})),
       "BINPERSID without"},
      {"a storage with more elements than bytes", item(tensor_of(storage_of("0", 5), 0, {1}, {1})),
       "has 16 bytes, the pickle says 5 elements of F32"},
      {"a storage of another type", item(tensor_of(storage_of("0", 4, "HalfStorage"), 0, {1}, {1})),
       "4 elements of F16"},
      {"a storage whose bytes overflow",
       item(tensor_of(storage_of("0", INT64_MAX, "DoubleStorage"), 0, {1}, {1})), "the pickle says"},
      {"a storage of two sizes",
       torch_file_of(pickle_of(dict_of(pickled("a") + tensor_of(storage, 0, {1}, {1}) + pickled("b") +
                                       tensor_of(storage_of("0", 3), 0, {1}, {1})))),
       "and 4 of F32 before"},
      {"a storage that is not there", item(tensor_of(storage_of("1", 4), 0, {1}, {1})),
       "the storage \"1\" is missing"},
      {"a storage elsewhere", item(tensor_of(storage_of("../version", 4), 0, {1}, {1})), "is missing"},
      // no dictionary of tensors
      {"a tensor alone", torch_file_of(pickle_of(tensor_of(storage, 0, {1}, {1}))), "a single tensor"},
      {"a list of tensors", torch_file_of(pickle_of("]" + tensor_of(storage, 0, {1}, {1}) + "a")),
       "but a list"},
      {"a dictionary of numbers", torch_file_of(pickle_of(dict_of(pickled("a") + pickled(1)))),
       "no tensors in it"},
      {"two models", torch_file_of(pickle_of(dict_of(pickled("model") + "}" + pickled("module") + "}"))),
       "holds the dictionaries \"model\" and \"module\""},
      {"a name twice",
       torch_file_of(pickle_of(dict_of(repeated(pickled("a") + tensor_of(storage, 0, {1}, {1}), 2)))),
       "the tensor \"a\" appears twice"},
      {"a dictionary inside of itself", torch_file_of("\x80\x02}q\1" + pickled("a") + "h\1s."),
       "nested deeper than 32"},
      {"a model inside of itself", torch_file_of("\x80\x02}q\1" + pickled("model") + "h\1s."),
       "nested deeper than 32"},
      {"forty levels", torch_file_of(pickle_of(deep)), "nested deeper than 32"},
      {"2^25 names of one tensor", torch_file_of(pickle_of(dict_of(laughs))), "more than 262144 tensors"},
  };
}

/// Archives that lie about their entries.
inline std::vector<safetensors_case> malformed_archives() {
  const std::string good = torch_file_of(good_pickle());
  const auto changed = [](std::size_t part, std::function<void(zip_part&)> change) {
    return torch_changed(part, change);
  };
  const auto with = [](const zip_part& part) {
    auto parts = torch_parts(good_pickle());
    parts.push_back(part);
    return make_zip(parts);
  };
  const auto without = [](std::size_t part) {
    auto parts = torch_parts(good_pickle());
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(part));
    return make_zip(parts);
  };
  const auto field64 = [](const std::string& numbers) { return le16(1) + le16(numbers.size()) + numbers; };
  return {
      // no archive of torch
      {"empty file", "", "not a file of torch.save"},
      {"text", "hello", "not a file of torch.save"},
      {"a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"},
      {"a bare pickle", good_pickle(), "not a file of torch.save"},
      {"only a magic", "PK\3\4", "4 bytes are too few"},
      {"zeros behind the magic", "PK\3\4" + std::string(100, '\0'), "no end of the zip directory"},
      {"bytes behind the archive", good + "x", "no end of the zip directory"},
      {"an archive without data.pkl", without(0), "without data.pkl"},
      {"data.pkl at the top", changed(0, [](zip_part& p) { p.name = "data.pkl"; }), "without data.pkl"},
      {"two data.pkl", with({"n/data.pkl", good_pickle()}), "two pickles"},
      {"TorchScript", with({"m/constants.pkl", ""}), "TorchScript"},
      {"no version", without(3), "\"m/version\" is missing"},
      {"version 11", changed(3, [](zip_part& p) { p.data = "11\n"; }), "format version \"11\\n\""},
      {"big endian", changed(1, [](zip_part& p) { p.data = "big"; }), "the byte order \"big\""},
      {"no storage", without(2), "the storage \"0\" is missing"},
      {"a short storage", changed(2, [](zip_part& p) { p.data.pop_back(); }), "has 15 bytes"},
      {"a long storage", changed(2, [](zip_part& p) { p.data += '\0'; }), "has 17 bytes"},
      {"a damaged pickle", changed(0, [](zip_part& p) { p.crc = 7; }),
       "the check sum of \"m/data.pkl\" is wrong"},
      {"a damaged byte order", changed(1, [](zip_part& p) { p.crc = 7; }),
       "the check sum of \"m/byteorder\""},
      // entries
      {"a compressed pickle", changed(0, [](zip_part& p) { p.method = 8; }), "is compressed (zip method 8)"},
      {"a compressed storage", changed(2, [](zip_part& p) { p.method = 8; }), "\"m/data/0\" is compressed"},
      {"compressed in the local header only", changed(2, [](zip_part& p) { p.local_method = 8; }),
       "is compressed"},
      {"encrypted", changed(2, [](zip_part& p) { p.flags = 9; }), "is encrypted"},
      {"encrypted in the local header only", changed(2, [](zip_part& p) { p.local_flags = 9; }),
       "is encrypted"},
      {"unknown flags", changed(2, [](zip_part& p) { p.flags = 8 + 32; }), "sets the zip flags 40"},
      {"an entry twice", with({"m/data/0", four_floats}), "the entry \"m/data/0\" appears twice"},
      {"another local name", changed(2, [](zip_part& p) { p.local_name = "m/data/1"; }),
       "another name in its local"},
      {"an empty name", with({"", "x"}), "without a proper name"},
      {"a name with a NUL", with({std::string("m/\0", 3), "x"}), "without a proper name"},
      {"another local size", changed(2, [](zip_part& p) { p.flags = 0, p.local_size = 8; }),
       "another size or check sum"},
      {"another local check sum", changed(2, [](zip_part& p) { p.local_crc = 8; }),
       "another size or check sum"},
      {"another descriptor",
       changed(2, [](zip_part& p) { p.descriptor = "PK\7\x8" + std::string(12, '\1'); }),
       "the descriptor behind its data"},
      {"no descriptor", changed(2, [](zip_part& p) { p.descriptor = ""; }), "the descriptor behind its data"},
      {"no local header", changed(2, [](zip_part& p) { p.local_mark = "PK\3\5"; }), "no local zip header"},
      {"no directory entry", changed(2, [](zip_part& p) { p.central_mark = "PK\1\3"; }),
       "not the begin of an entry"},
      {"size beyond the entries",
       changed(2, [](zip_part& p) { p.central_size = p.central_packed = 1 << 20; }),
       "but the entries end at"},
      {"size and stored size differ", changed(2, [](zip_part& p) { p.central_size = 64; }),
       "but 16 are stored"},
      {"an offset beyond the entries", changed(2, [](zip_part& p) { p.offset = 1 << 30; }),
       "beyond the entries"},
      {"an offset into another entry", changed(2, [](zip_part& p) { p.offset = 0; }),
       "another name in its local"},
      {"one entry inside of another",
       make_zip(
           {{"m/data.pkl", good_pickle()},
            {"m/data/0", make_zip({{"m/version", "3\n"}}), 8, 0, {}, {}, {}, {}, {}, {}},
            {.name = "m/version", .data = "3\n", .offset = good_pickle().size() + 30 + 10 + 16 + 30 + 8}}),
       "lies inside of"},
      {"a part of a split archive", changed(2, [](zip_part& p) { p.disk = 1; }), "split into several files"},
      {"an extra field that is cut", changed(2, [](zip_part& p) { p.extra = "\1\0"; }),
       "extra field reaches beyond"},
      {"an extra field that is too long", changed(2, [](zip_part& p) { p.extra = le16(9) + le16(9) + "x"; }),
       "extra field reaches beyond"},
      // zip64
      {"no zip64 field", changed(2, [](zip_part& p) { p.central_size = p.central_packed = 0xFFFFFFFF; }),
       "zip64 field is missing"},
      {"a short zip64 field",
       changed(
           2,
           [&](zip_part& p) { p.central_size = p.central_packed = 0xFFFFFFFF, p.extra = field64(le64(16)); }),
       "zip64 field is missing or too short"},
      {"two zip64 fields", changed(2, [&](zip_part& p) { p.extra = field64(le64(16)) + field64(le64(16)); }),
       "two zip64 fields"},
      {"a zip64 size of 2^64-1",
       changed(2,
               [&](zip_part& p) {
                 p.central_size = p.central_packed = 0xFFFFFFFF, p.extra = field64(le64(~0ull) + le64(~0ull));
               }),
       "but the entries end at"},
      {"a zip64 offset of 2^64-1",
       changed(2, [&](zip_part& p) { p.offset = 0xFFFFFFFF, p.extra = field64(le64(~0ull)); }),
       "beyond the entries"},
      {"a zip64 field in the local header that lies",
       changed(2,
               [&](zip_part& p) { p.local_size = 0xFFFFFFFF, p.local_extra = field64(le64(17) + le64(17)); }),
       "another size or check sum"},
      {"a zip64 record elsewhere", torch_ended([](zip_end& e) { e.record -= 1; }), "no zip64 record at"},
      {"a zip64 record beyond the end", torch_ended([](zip_end& e) { e.record = ~0ull; }), "beyond the end"},
      {"a zip64 record of another length", torch_ended([](zip_end& e) { e.record_length = 45; }),
       "45 bytes follow"},
      {"an old record with another count", torch_ended([](zip_end& e) { e.old_count = 3; }), "the old one 3"},
      {"an old record with another size", torch_ended([](zip_end& e) { e.old_size = 3; }), "the old one"},
      {"an old record with another place", torch_ended([](zip_end& e) { e.old_central = 3; }), "the old one"},
      {"no zip64 record where one is needed",
       torch_ended([](zip_end& e) { e.is64 = false, e.old_count = 0xFFFF; }),
       "a zip64 record that is not there"},
      // the end
      {"one entry more than there are", torch_ended([](zip_end& e) { ++e.count; }), "cannot hold 5 entries"},
      {"one entry less than there are", torch_ended([](zip_end& e) { --e.count; }), "follow the last entry"},
      {"2^63 entries", torch_ended([](zip_end& e) { e.count = 1ull << 63, e.old_count = 0xFFFF; }),
       "cannot hold"},
      {"a directory elsewhere", torch_ended([](zip_end& e) { --e.central; }), "but it must end at"},
      {"a directory of 2^64-1 bytes",
       torch_ended([](zip_end& e) { e.central_size = ~0ull, e.old_size = 0xFFFFFFFF; }),
       "but it must end at"},
      {"bytes behind the directory", torch_ended([](zip_end& e) { e.between = "x", ++e.record; }),
       "but it must end at"},
      {"several disks", torch_ended([](zip_end& e) { e.disks = 2; }), "split into several files"},
      {"the last of several disks", torch_ended([](zip_end& e) { e.disk = 1; }), "split into several files"},
  };
}

}  // namespace candor_test
