# SPDX-License-Identifier: Apache-2.0
"""Parts that the scripts of this folder share: LLaVA's texts, and model folders around a sentencepiece model."""
import json, pathlib, shutil

import sentencepiece
from transformers.convert_slow_tokenizer import generate_merges, import_protobuf

SYSTEM = {
    "vicuna_v1": "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
                 "detailed, and polite answers to the user's questions.",
    "llava_v1": "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, "
                "detailed, and polite answers to the human's questions."}
TEMPLATE = (  # the one of the llava-hf 1.5 folders
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{{ '<image>\\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}"
    "{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}")
NAMES = ["<unk>", "<s>", "</s>", "<image>", "<pad>"]


def proto_of(model):
    return import_protobuf().ModelProto.FromString(pathlib.Path(model).read_bytes())


def write(path, document):
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def ids_of(model):
    size = sentencepiece.SentencePieceProcessor(model_file=str(model)).get_piece_size()
    return dict(zip(NAMES, [0, 1, 2, size, size + 1]))


def llava_folder(folder, model, legacy):
    """A folder as llava-hf's, without tokenizer.json."""
    folder.mkdir(exist_ok=True)
    if pathlib.Path(model) != folder / "tokenizer.model":
        shutil.copyfile(model, folder / "tokenizer.model")
    ids = ids_of(model)
    flags = dict(lstrip=False, normalized=False, rstrip=False, single_word=False, special=True)
    write(folder / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False,
        "added_tokens_decoder": {str(i): dict(content=n, **flags) for n, i in ids.items()}, "bos_token": "<s>",
        "clean_up_tokenization_spaces": False, "eos_token": "</s>", "legacy": legacy, "pad_token": "<pad>",
        "processor_class": "LlavaProcessor", "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>"})
    write(folder / "added_tokens.json", {n: ids[n] for n in NAMES[3:]})
    write(folder / "chat_template.json", {"chat_template": TEMPLATE})
    write(folder / "config.json", {"model_type": "llava", "image_token_index": ids["<image>"]})
    return folder


def prepend_backend(model, tokenizer):
    """tokenizer.json as transformers 4 wrote it: `Prepend`, merges by score."""
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    backend["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    backend["pre_tokenizer"] = None
    pieces = proto_of(model).pieces
    merges = generate_merges({p.piece: i for i, p in enumerate(pieces)}, {p.piece: p.score for p in pieces})
    backend["model"]["merges"] = [" ".join(m) for m in merges]
    return backend


def prepend_json(folder, tokenizer):
    backend = prepend_backend(folder / "tokenizer.model", tokenizer)
    (folder / "tokenizer.json").write_text(json.dumps(backend, ensure_ascii=False, separators=(",", ":")) + "\n",
                                           encoding="utf-8")
