// SPDX-License-Identifier: Apache-2.0
#pragma once
/// @file
/// The opcodes of pickle that candor runs, and the names of all others for the errors that refuse them.

#include <candor/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace CANDOR_NS::detail {

namespace op {
inline constexpr std::uint8_t proto = 0x80, stop = '.', mark = '(', none = 'N', newtrue = 0x88,
                              newfalse = 0x89, binint = 'J', binint1 = 'K', binint2 = 'M', long1 = 0x8a,
                              binfloat = 'G', binunicode = 'X', empty_tuple = ')', tuple = 't', tuple1 = 0x85,
                              tuple2 = 0x86, tuple3 = 0x87, empty_list = ']', append = 'a', appends = 'e',
                              empty_dict = '}', setitem = 's', setitems = 'u', binput = 'q',
                              long_binput = 'r', binget = 'h', long_binget = 'j', global = 'c',
                              binpersid = 'Q', reduce = 'R', build = 'b';
}  // namespace op

/// The name in Python's pickletools, or the byte's number.
inline std::string name_of_opcode(std::uint8_t code) {
  struct entry {
    std::uint8_t code;
    std::string_view name;
  };
  static constexpr entry names[] = {
      {op::proto, "PROTO"},
      {op::stop, "STOP"},
      {op::mark, "MARK"},
      {op::none, "NONE"},
      {op::newtrue, "NEWTRUE"},
      {op::newfalse, "NEWFALSE"},
      {op::binint, "BININT"},
      {op::binint1, "BININT1"},
      {op::binint2, "BININT2"},
      {op::long1, "LONG1"},
      {op::binfloat, "BINFLOAT"},
      {op::binunicode, "BINUNICODE"},
      {op::empty_tuple, "EMPTY_TUPLE"},
      {op::tuple, "TUPLE"},
      {op::tuple1, "TUPLE1"},
      {op::tuple2, "TUPLE2"},
      {op::tuple3, "TUPLE3"},
      {op::empty_list, "EMPTY_LIST"},
      {op::append, "APPEND"},
      {op::appends, "APPENDS"},
      {op::empty_dict, "EMPTY_DICT"},
      {op::setitem, "SETITEM"},
      {op::setitems, "SETITEMS"},
      {op::binput, "BINPUT"},
      {op::long_binput, "LONG_BINPUT"},
      {op::binget, "BINGET"},
      {op::long_binget, "LONG_BINGET"},
      {op::global, "GLOBAL"},
      {op::binpersid, "BINPERSID"},
      {op::reduce, "REDUCE"},
      {op::build, "BUILD"},
      {'0', "POP"},
      {'1', "POP_MARK"},
      {'2', "DUP"},
      {'B', "BINBYTES"},
      {'C', "SHORT_BINBYTES"},
      {'F', "FLOAT"},
      {'I', "INT"},
      {'L', "LONG"},
      {'P', "PERSID"},
      {'S', "STRING"},
      {'T', "BINSTRING"},
      {'U', "SHORT_BINSTRING"},
      {'V', "UNICODE"},
      {'d', "DICT"},
      {'g', "GET"},
      {'i', "INST"},
      {'l', "LIST"},
      {'o', "OBJ"},
      {'p', "PUT"},
      {0x81, "NEWOBJ"},
      {0x82, "EXT1"},
      {0x83, "EXT2"},
      {0x84, "EXT4"},
      {0x8b, "LONG4"},
      {0x8c, "SHORT_BINUNICODE"},
      {0x8d, "BINUNICODE8"},
      {0x8e, "BINBYTES8"},
      {0x8f, "EMPTY_SET"},
      {0x90, "ADDITEMS"},
      {0x91, "FROZENSET"},
      {0x92, "NEWOBJ_EX"},
      {0x93, "STACK_GLOBAL"},
      {0x94, "MEMOIZE"},
      {0x95, "FRAME"},
      {0x96, "BYTEARRAY8"},
      {0x97, "NEXT_BUFFER"},
      {0x98, "READONLY_BUFFER"},
  };
  for (const auto& e : names)
    if (e.code == code) return std::string(e.name);
  return text("number ", static_cast<int>(code));
}

}  // namespace CANDOR_NS::detail
