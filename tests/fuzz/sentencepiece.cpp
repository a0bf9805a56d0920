// SPDX-License-Identifier: Apache-2.0
// The check of sentencepiece models, and the library with what passed the check: it is not instrumented, but
// a signal in it ends the run.
#include <candor/text/sentencepiece_check.hpp>

#include <sentencepiece_processor.h>

#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace candor_fuzz;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  candor::sentencepiece_content content;
  if (!accepted("a model: ", [&] { content = candor::check_sentencepiece(bytes, "a model"); })) return 0;
  sentencepiece::SentencePieceProcessor processor;
  if (!processor.LoadFromSerializedProto(candor::write_sentencepiece(content)).ok()) return 0;
  std::vector<int> ids;
  std::string text;
  for (const std::string_view words : {"the cat  sat", "\xE2\x96\x81 x\xC3\xA9\xF0\x9F\x98\x80\xFF", ""}) {
    if (!processor.Encode({words.data(), words.size()}, &ids).ok()) continue;
    for (const int id : ids) promise(id >= 0 && std::size_t(id) < content.pieces.size(), "ids name pieces");
    promise(processor.Decode(ids, &text).ok(), "ids become text");
  }
  return 0;
}
