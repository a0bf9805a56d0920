# SPDX-License-Identifier: Apache-2.0
"""Loads what candor wrote with transformers and peft, and compares `score`'s log-probs with theirs.

  interop.py model   --folder DIR --input IN.jsonl --images DIR --scores OUT.jsonl [--template NAME]
                     [--image-transform NAME] [--tolerance 1e-4]
  interop.py adapter --base DIR --adapter DIR --input ... --images ... --scores ... [same options]
  interop.py events  --run DIR      TensorBoard reads from the run folder what its metrics.jsonl says

IN.jsonl and OUT.jsonl are the input and the output of `score --dtype f32`, line by line; template and
transform are those that `score` was given. Checked: every tensor is read, none is missing, none is left over;
the answers' ids decode to their text and end in </s>; each sum is that of its log-probs; log-probs agree
within the tolerance (nats a token).

Exit code: 0 all agree, 1 something differs, 2 bad option, 77 Python modules are missing.
"""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

try:
    import numpy as np
    import torch
    import transformers
    from PIL import Image
    from safetensors.torch import load_file
    from sentencepiece import SentencePieceProcessor
    from transformers import AutoTokenizer, LlavaForConditionalGeneration
except ImportError as error:
    absent = str(error)
else:
    absent = ""

SYSTEM = (
    "A chat between a curious {0} and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the {0}'s questions. "
)
TEMPLATES = {  # around the image mark
    "vicuna_v1": (SYSTEM.format("user") + "USER: ", "\n{question} ASSISTANT:"),
    "llava_v1": (SYSTEM.format("human") + "USER: ", "\n{question} ASSISTANT:"),
    "llava_hf": ("USER: ", "\n{question} ASSISTANT:"),
}
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Differs(Exception):
    """What was read, or computed, is not what it should be."""


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


class Prompts:
    """Ids of a prompt: LLaVA's chunks around the image, or for llava_hf the folder's own tokenizer."""

    def __init__(self, folder, template, mark):
        self.parts, self.mark, self.whole = TEMPLATES[template], mark, None
        self.pieces = SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        if template == "llava_hf":
            self.whole = AutoTokenizer.from_pretrained(folder)

    def __call__(self, question):
        before, after = self.parts[0], self.parts[1].replace("{question}", question)
        if self.whole is not None:
            ids = self.whole(before + "<image>" + after).input_ids
            if ids.count(self.mark) != 1:
                raise Differs(f"the folder's tokenizer does not read <image> as {self.mark}: {ids[:24]}")
            return ids
        return [self.pieces.bos_id(), *self.pieces.encode(before), self.mark, *self.pieces.encode(after)]

    def check_answer(self, tokens, text):
        if not tokens or tokens[-1] != self.pieces.eos_id():
            raise Differs(f"the answer's ids do not end in </s>: {tokens}")
        decoded = self.pieces.decode(tokens[:-1])
        if decoded.strip() != text.strip():
            raise Differs(f"the answer's ids decode to {decoded!r}, not to {text!r}")


class Pixels:
    """The image tensor by Pillow: CLIPImageProcessorPil's. (The torchvision one is up to 2 levels off.)"""

    def __init__(self, folder, transform, size):
        config = {}
        for name in ("processor_config.json", "preprocessor_config.json"):  # today's name, the older one
            if (folder / name).exists():
                config = json.loads((folder / name).read_text())
                config = config.get("image_processor", config)
        self.transform, self.size = transform, size
        self.mean = np.array(config.get("image_mean", CLIP_MEAN), np.float32)
        self.std = np.array(config.get("image_std", CLIP_STD), np.float32)

    def __call__(self, path):
        image, size = Image.open(path).convert("RGB"), self.size
        width, height = image.size
        if self.transform == "pad" and width != height:
            side = max(width, height)
            canvas = Image.new("RGB", (side, side), tuple(int(255 * x) for x in self.mean))
            canvas.paste(image, ((side - width) // 2, (side - height) // 2))
            image = canvas
        if self.transform == "centre_crop":
            short = min(width, height)
            image = image.resize(
                (int(size * width / short), int(size * height / short)), Image.Resampling.BICUBIC
            )
            left, top = (image.width - size) // 2, (image.height - size) // 2
            image = image.crop((left, top, left + size, top + size))
        else:
            image = image.resize((size, size), Image.Resampling.BICUBIC)
        values = (np.asarray(image, np.float32) / np.float32(255.0) - self.mean) / self.std
        return torch.from_numpy(values.transpose(2, 0, 1).copy())[None]


def load_model(folder):
    written = json.loads((folder / "config.json").read_text())
    if written.get("model_type") != "llava" or not {"text_config", "vision_config"} <= written.keys():
        raise Differs(
            f"{folder}/config.json is not of the llava-hf layout: transformers would fill in a 7B model"
        )
    model, report = LlavaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", output_loading_info=True
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[kind]:
            raise Differs(f"{folder}: {kind}: {sorted(map(str, report[kind]))[:8]}")
    config = model.config
    if config.image_token_id >= config.text_config.vocab_size:
        raise Differs(f"image_token_index {config.image_token_id} is not below the text model's vocab_size")
    return model.eval()


def load_adapter(model, folder):
    try:
        from peft import PeftModel, get_peft_model_state_dict
    except ImportError as missing:
        print(f"interop.py adapter needs peft: {missing}")
        sys.exit(77)
    model = PeftModel.from_pretrained(model, folder).eval()
    written, read = load_file(folder / "adapter_model.safetensors"), get_peft_model_state_dict(model)
    if set(written) != set(read):
        raise Differs(f"{folder}: peft expects other tensors: {sorted(set(written) ^ set(read))[:8]}")
    for name, value in written.items():
        if not torch.equal(value.float(), read[name].float()):
            raise Differs(f"{folder}: {name} was not read as it is in the file")
    return model


def compare(model, config, folder, options):
    """Largest difference in nats a token over all answers."""
    prompts = Prompts(folder, options.template, config.image_token_id)
    pixels = Pixels(folder, options.image_transform, config.vision_config.image_size)
    patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    image_tokens = patches + (config.vision_feature_select_strategy == "full")
    inputs, scores = read_lines(options.input), read_lines(options.scores)
    if not inputs or len(inputs) != len(scores):
        raise Differs(f"{options.input} has {len(inputs)} records, {options.scores} has {len(scores)}")
    worst, count = 0.0, 0
    for line, (record, score) in enumerate(zip(inputs, scores, strict=True), start=1):
        place = f"{options.scores}:{line}"
        if len(record["responses"]) != len(score["responses"]):
            raise Differs(f"{place}: {len(score['responses'])} answers, {len(record['responses'])} asked for")
        prompt = []
        for token in prompts(record["question"]):
            prompt += [token] * (image_tokens if token == config.image_token_id else 1)
        image = pixels(options.images / record["image"])
        for text, answer in zip(record["responses"], score["responses"], strict=True):
            tokens, given = answer["tokens"], torch.tensor(answer["logps"], dtype=torch.float64)
            prompts.check_answer(tokens, text)
            if len(given) != len(tokens):
                raise Differs(f"{place}: {len(tokens)} tokens, {len(given)} log-probs")
            with torch.no_grad():
                rows = model(input_ids=torch.tensor([prompt + tokens]), pixel_values=image).logits[0]
            own = rows[-len(tokens) - 1 : -1].log_softmax(-1)[range(len(tokens)), tokens].double()
            apart = (own - given).abs()
            if not torch.isfinite(apart).all() or apart.max() > options.tolerance:
                at = int(torch.nan_to_num(apart, nan=torch.inf).argmax())
                raise Differs(
                    f"{place}: token {at} (id {tokens[at]}): {given[at]:.6f}, transformers {own[at]:.6f}"
                )
            if abs(given.sum().item() - answer["sum"]) > 1e-5 * max(1.0, abs(answer["sum"])):
                raise Differs(f"{place}: sum {answer['sum']} is not that of its logps, {given.sum().item()}")
            worst, count = max(worst, apart.max().item()), count + len(tokens)
    return worst, count


def compare_events(run):
    """Number of scalars that TensorBoard reads, which are those of metrics.jsonl under their names and steps."""
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as missing:
        print(f"interop.py events needs tensorboard: {missing}")
        sys.exit(77)
    events = EventAccumulator(str(run), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    read = {}
    for tag in events.Tags()["scalars"]:
        for point in events.Scalars(tag):
            if (tag, point.step) in read:
                raise Differs(f"{run}: TensorBoard shows {tag} at step {point.step} twice")
            read[tag, point.step] = point.value
    written = {
        (name, line["global_step"]): value
        for line in read_lines(run / "metrics.jsonl")
        for name, value in line.items()
        if name != "global_step" and ("eval_loss" in line) == name.startswith("eval_")
    }
    if set(read) != set(written):
        raise Differs(f"{run}: only one of the two has {sorted(set(read) ^ set(written))[:8]}")
    for place, value in written.items():
        if np.float32(value) != np.float32(read[place]):
            raise Differs(f"{run}: {place} is {value}, TensorBoard reads {read[place]}")
    texts = [t.tensor_proto.string_val[0].decode() for t in events.Tensors("config")]
    if len(texts) != 1 or "| batch_size |" not in texts[0]:
        raise Differs(f"{run}: the options are no text of TensorBoard's: {texts}")
    return len(read)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("model", "adapter"):
        command = commands.add_parser(name)
        for option in ("--folder",) if name == "model" else ("--base", "--adapter"):
            command.add_argument(option, type=Path, required=True)
        for option in ("--input", "--images", "--scores"):
            command.add_argument(option, type=Path, required=True)
        command.add_argument("--template", choices=sorted(TEMPLATES), default="vicuna_v1")
        command.add_argument("--image-transform", choices=("pad", "centre_crop", "squash"), default="pad")
        command.add_argument("--tolerance", type=float, default=1e-4)
        command.add_argument("--threads", type=int, default=1)
    commands.add_parser("events").add_argument("--run", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "events":
        try:
            print(f"interop: TensorBoard reads the {compare_events(options.run)} scalars of metrics.jsonl")
        except Differs as why:
            print(f"interop: {why}")
            return 1
        return 0
    if absent:
        print(f"interop.py needs torch, transformers, sentencepiece, pillow: {absent}")
        return 77
    torch.set_num_threads(options.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = options.folder if options.command == "model" else options.base
    try:
        model = load_model(folder)
        config = model.config
        if options.command == "adapter":
            model = load_adapter(model, options.adapter)
        worst, count = compare(model, config, folder, options)
    except Differs as why:
        print(f"interop: {why}")
        return 1
    print(
        f"interop: {count} log-probs agree with transformers {transformers.__version__}, worst by {worst:.1e}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
