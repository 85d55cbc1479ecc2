#!/usr/bin/env python3
"""Writes test/fixtures: texts, tiny random model folders, and the vectors sentence-transformers gives for them.

    python -m pip install -r scripts/requirements.txt
    python scripts/make-fixtures.py --model "$(node scripts/get-test-weights.mjs)"
    python scripts/make-fixtures.py --only tiny-bert-cls        # one folder; the tiny ones need no --model

Parts: `texts`, `all-MiniLM-L6-v2`, `quality` and one for each tiny folder. The same versions on the same kind of
machine give the same bytes: seeded weights, no timestamps, one thread, one text at a time (no padding).
test/fixtures/README.md describes the files.
"""

import argparse
import hashlib
import itertools
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")

import model2vec
import numpy as np
import sentence_transformers
import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizerFast

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "test" / "fixtures"
MINILM = "all-MiniLM-L6-v2"

# ---------------------------------------------------------------------------------------------------------------------
# Texts
# ---------------------------------------------------------------------------------------------------------------------

TEXTS = {
    "sentence": "The ferry left the harbour ten minutes late because of the fog.",
    "question": "How do I keep sourdough starter alive while I am on holiday?",
    "two-sentences": "She closed the window. The rain had already soaked the curtains, the carpet and half of the books.",
    "long-sentence": "When the last train had gone and the lamps along the platform were put out one after another, the porter, who had worked at the station since before the bridge was built, sat down on a trunk nobody had claimed, lit his pipe, and told the boy how the river used to freeze so hard that carts could cross it from October until the middle of March.",
    "capitals": "URGENT: DO NOT OPEN THE VALVE BEFORE THE PRESSURE IS BELOW 2 BAR",
    "mixed-case": "iPhone, eBay, McDonald, LaTeX, GitHub, NaN, kHz and pH",
    "unknown-words": "zyxqwv blorptang frindlewick xkcdqqz",
    "one-character": "a",
    "one-digit": "7",
    "one-cjk-character": "猫",
    "one-emoji": "🦊",
    "punctuation-only": "?!... ,;: -- (()) [] {} \"'` ~@#$%^&*_+=|\\/<>",
    "one-full-stop": ".",
    "empty": "",
    "spaces-only": "     ",
    "one-space": " ",
    "whitespace-only": " \t\r\n\u00a0\u2003\u3000 ",
    "surrounding-spaces": "   a quiet street   ",
    "newlines-and-tabs": "first line\nsecond line\r\nthird\tcolumn\tfourth\u2028fifth\u2029sixth\u0085seventh",
    "nul": "before\u0000after \u0000 alone",
    "nul-only": "\u0000\u0000",
    "control-characters": "bell\u0007 back\u0008space esc\u001b[31mred\u001b[0m del\u007f c1\u0081\u009f unit\u001fsep",
    "replacement-character": "broken \ufffd text \ufffd\ufffd here",
    "non-characters": "a\ufffe b\uffff c\ufdd0 d\U0001fffe",
    "private-use": "icon \ue000 and \U000f0000 glyph",
    "byte-order-mark": "\ufeffstarts with a mark",
    "zero-width-space": "zero\u200bwidth\u200bspace and word\u2060joiner",
    "soft-hyphen": "extra\u00adordinary co\u00adoper\u00adation",
    "direction-marks": "price \u200f123\u200e \u202babc\u202c \u2066isolated\u2069 end",
    "chinese": "今天天气很好，我们去公园散步吧。",
    "japanese": "東京タワーは赤と白に塗られた電波塔です。カタカナとひらがな。",
    "korean": "도서관은 아침 아홉 시에 문을 엽니다.",
    "cyrillic": "Съешь ещё этих мягких французских булок, да выпей чаю. Київ, їжак",
    "greek": "Ο ΟΔΥΣΣΕΎΣ γύρισε στην Ιθάκη ύστερα από είκοσι χρόνια.",
    "arabic": "يفتح المتجر أبوابه في الساعة التاسعة صباحًا، السَّلامُ عَلَيْكُم",
    "hebrew": "הספרייה נפתחת בתשע בבוקר, שָׁלוֹם",
    "hindi": "पुस्तकालय सुबह नौ बजे खुलता है। क्षत्रिय, ज़िंदगी",
    "thai": "ห้องสมุดเปิดเก้าโมงเช้า น้ำแข็ง",
    "vietnamese": "Thư viện mở cửa lúc chín giờ sáng, trời rất đẹp.",
    "emoji": "Great match today ⚽️🎉 see you at 🍕 tonight! ❤️☺",
    "emoji-joiners": "family 👨‍👩‍👧‍👦 doctor 👩🏽‍⚕️ flag 🏳️‍🌈 🏴󠁧󠁢󠁳󠁣󠁴󠁿 couple 👩‍❤️‍💋‍👨",
    "emoji-skin-tones": "wave 👋 👋🏻 👋🏾 thumbs 👍🏿 flags 🇩🇪🇯🇵 keycap 5️⃣",
    "combining-nfc": "Café naïve Ångström résumé Dvořák ệ",
    "combining-nfd": "Cafe\u0301 nai\u0308ve A\u030angstro\u0308m re\u0301sume\u0301 Dvor\u030ca\u0301k e\u0323\u0302",
    "combining-stack": "Z\u0351\u036b\u0343a\u0334\u0321l\u0338\u0322g\u0337\u0327o\u0335\u0328 lone \u0301 mark",
    "ligatures": "ﬁnal eﬀort ﬂow oﬃce waﬄe ﬅ Æsop œuvre ĳs ǆ",
    "fullwidth": "Ｆｕｌｌｗｉｄｔｈ　ＡＢＣ１２３！？ ｶﾀｶﾅ",
    "turkish-dotted-i": "İstanbul, ISPARTA, ılık, DİYARBAKIR, i̇",
    "sharp-s": "Straße STRASSE ẞ Fußgängerübergang",
    "letter-like": "ℌello 𝓌𝑜𝓇𝓁𝒹 ① ½ ² Ⅳ ™ ℃ №",
    "code-rust": "fn main() {\n    let xs: Vec<u8> = (0..10).filter(|x| x % 2 == 0).collect();\n    println!(\"{:?}\", xs);\n}",
    "code-json": '{"id": 42, "tags": ["a", "b\\n"], "nested": {"ok": true, "price": -1.5e-3}, "nothing": null}',
    "code-sql": "SELECT u.name, COUNT(*) AS n FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.id <> 7 GROUP BY 1;",
    "html": "<p class=\"lead\">Fish &amp; chips<br/>&nbsp;&copy; 2024</p><!-- hidden -->",
    "url": "See https://example.org/a/b-c_d?q=caf%C3%A9&lang=en#part-2 or mail someone@example.org",
    "path": "C:\\Users\\me\\Desktop\\notes (final) v2.txt and /usr/local/lib/libz.so.1",
    "numbers": "3.14159 1,000,000 -273.15 0x1F 1e-9 12:45:07 2024-02-29 +44 20 7946 0000 50% $9.99 ½",
    "special-tokens": "[CLS] fill the [MASK] here [SEP] and [PAD] or [UNK] there",
    "special-tokens-lower": "[cls] [mask] [sep] [ MASK ] [MASK][MASK] x[SEP]y",
    "mixed-scripts": "The word 猫 (neko) means кошка; قطة in Arabic, बिल्ली in Hindi 🐈‍⬛ — naïve, isn't it?",
    "apostrophes": "It's don’t o'clock rock ’n’ roll — “quoted” ‘single’ … ellipsis – dash",
    "repeated": "no " * 40,
}

# Python holds no lone surrogates in UTF-8: `text` is what a JavaScript string becomes on its way to UTF-8, `js` (a JSON
# string literal) is the JavaScript string itself.
LONE_SURROGATES = {
    "lone-high-surrogate": ("\ufffd abc", r'"\ud83d abc"'),
    "lone-low-surrogate": ("abc\ufffddef", r'"abc\udc00def"'),
    "swapped-surrogates": ("swap \ufffd\ufffd pair \U0001f600", r'"swap \ude00\ud83d pair \ud83d\ude00"'),
    "lone-surrogate-at-end": ("cut emoji \ufffd", r'"cut emoji \ud83e"'),
}

# Every word is one word piece of MiniLM's vocabulary, which `texts` checks.
SINGLE_PIECES = (
    "the river runs past an old stone mill where a farmer keeps his white horse and three brown dogs in summer they "
    "sleep under the apple trees while children play near the water and in winter everyone sits by the fire to read "
    "long stories about ships lost at sea kings who could not laugh and a girl with no fear of the dark"
).split()


def single_piece_words(count):
    return " ".join(itertools.islice(itertools.cycle(SINGLE_PIECES), count))


def generated_texts(tokenizer):
    """Texts made to a length: counted in word pieces with [CLS] and [SEP], or in characters of one word."""
    made = {f"pieces-{n}": single_piece_words(n - 2) for n in (254, 255, 256, 257)}
    for name, text in made.items():
        assert len(tokenizer.encode(text).ids) == int(name.split("-")[1]), name
    # Piece 255, the last one kept, is the first of several that make up one word.
    made["cut-inside-word"] = single_piece_words(253) + " antidisestablishmentarianism and more"
    made["words-600"] = single_piece_words(600)
    made["sentences-long"] = " ".join(
        f"Entry {n}: the {colour} {thing} was {state}, so we wrote it down."
        for n, (colour, thing, state) in enumerate(
            itertools.product(
                ("crimson", "turquoise", "pale", "grey"), ("lantern", "kettle", "accordion", "umbrella"), ("broken", "missing", "repaired")
            )
        )
    )
    made["word-100-characters"] = "ab" * 50
    made["word-101-characters"] = "ab" * 50 + "c"
    made["word-10000-characters"] = "x" * 10_000
    made["cjk-10000-characters"] = "山川" * 5_000
    made["emoji-1000"] = "👩🏽‍🚀" * 1_000
    return made


def bare_tokenizer(folder):
    """The folder's tokenizer.json without the truncation and padding it may carry."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def write_texts(model_folder):
    entries = [{"name": name, "text": text} for name, text in TEXTS.items()]
    entries += [{"name": name, "text": text, "js": js} for name, (text, js) in LONE_SURROGATES.items()]
    entries += [{"name": name, "text": text} for name, text in generated_texts(bare_tokenizer(model_folder)).items()]
    for entry in entries:
        assert "js" not in entry or surrogates_replaced(entry["js"]) == entry["text"], entry["name"]
    write_json(FIXTURES / "texts.json", entries)
    print(f"texts.json: {len(entries)} texts")


def surrogates_replaced(js):
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in json.loads(js))


# ---------------------------------------------------------------------------------------------------------------------
# Reference vectors
# ---------------------------------------------------------------------------------------------------------------------


def load(folder):
    """float32 whatever the weights' own type is: sentence-transformers would otherwise compute in float16."""
    return SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})


def encode(model, texts, **options):
    """One text at a time, so that no vector depends on padding."""
    return np.stack([model.encode([text], batch_size=1, show_progress_bar=False, **options)[0] for text in texts])


def encode_with_error(folder, texts, **options):
    """The float32 vectors and how far they are from the same model computed in float64."""
    exact = encode(load(folder).double(), texts, **options)
    vectors = encode(load(folder), texts, **options)
    assert vectors.dtype == np.float32 and exact.dtype == np.float64 and np.isfinite(vectors).all()
    return vectors, float(np.abs(vectors - exact).max())


def token_counts(folder, texts):
    """Each text's tokens before truncation, with special tokens; checks tokenizer.json against sentence-transformers."""
    model, tokenizer = load(folder), bare_tokenizer(folder)
    counts = []
    for text in texts:
        ids = tokenizer.encode(text).ids
        used = model.preprocess([text])["input_ids"][0].tolist()
        limit = model.max_seq_length
        assert used == (ids if len(ids) <= limit else ids[: limit - 1] + ids[-1:]), (folder.name, text[:80])
        counts.append(len(ids))
    return counts


def write_minilm(model_folder):
    texts = [entry["text"] for entry in json.loads((FIXTURES / "texts.json").read_text())]
    vectors, error = encode_with_error(model_folder, texts)
    limit = load(model_folder).max_seq_length
    lengths = token_counts(model_folder, texts)
    (FIXTURES / f"{MINILM}.f32").write_bytes(vectors.astype("<f4").tobytes())
    write_json(
        FIXTURES / f"{MINILM}.json",
        {
            "model": f"sentence-transformers/{MINILM}",
            "sha256": {name: sha256(model_folder / name) for name in ("model.safetensors", "tokenizer.json")},
            "versions": versions(),
            "count": len(texts),
            "dimensions": vectors.shape[1],
            "max_tokens": limit,
            "float64_difference": rounded(error, 2),
            "lengths": lengths,
            "tokens": [min(length, limit) for length in lengths],
            "truncated": [length > limit for length in lengths],
        },
    )
    print(f"{MINILM}: {vectors.shape}, float64 difference {error:.1e}, {sum(n > limit for n in lengths)} truncated")


# ---------------------------------------------------------------------------------------------------------------------
# Tiny random models
# ---------------------------------------------------------------------------------------------------------------------

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = "the of and to in is a fox river stone bread quick represent this search query document window light north seven".split()
SUFFIXES = "##s ##ing ##ed ##er ##ly ##tion ##ness ##al ##able ##ment".split()
LOWER_VOCAB = list(
    dict.fromkeys(
        [*SPECIAL, *LETTERS, *"0123456789", *".,:;!?'\"()[]-_/", *(f"##{c}" for c in LETTERS + "0123456789")]
        + [*WORDS, *SUFFIXES, *"ßæ中文жя"]
    )
)
CASED_VOCAB = LOWER_VOCAB + [*LETTERS.upper(), *(f"##{c}" for c in LETTERS.upper()), "The", "River", "NORTH"]

TINY_TEXTS = [
    "The quick fox is in the river.",
    "Seven stones, lighter and northing: a window!",
    "BREADMENT and NORTH of The River",
    "Café naïve Ärger résumé İ ẞ ß æ",
    "Cafe\u0301 nai\u0308ve A\u0308rger re\u0301sume\u0301",
    "中文 жя and 猫 🦊",
    "",
    "   ",
    "f",
    "?!",
    "[CLS] the [MASK] of [SEP] query",
    "in\u0000to\u200b the\u00adriver\ttab\nline 0123",
    "the river and the stone " * 30,
]

# Special tokens of RoBERTa and its kin, spelled in a text: a padding token is not counted as a position.
OTHER_TEXTS = ["<s> the <mask> of </s> a <pad> query <pad>", "the river. " * 5 + "\U0001f98a" * 3 + " stone? " * 3]

BASE = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=64,
    type_vocab_size=2, hidden_act="gelu", layer_norm_eps=1e-12,
)  # fmt: skip
SMALL = BASE | dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=40, max_position_embeddings=40)
PROMPTS = {"query": "represent this: ", "document": ""}
E5_PROMPTS = {"query": "query: ", "passage": "passage: "}
NOMIC_PROMPTS = {"query": "search_query: ", "document": "search_document: "}

# name: (BertConfig values, pooling modes, options). The shapes differ on purpose.
TINY = {
    "tiny-bert-mean": (BASE, "mean", dict(after=["own_truncation"], dimensions=16)),
    "tiny-bert-cls": (BASE | dict(num_attention_heads=2), "cls", dict(prompts=PROMPTS, after=["legacy_layout"])),
    "tiny-bert-max-concat": (
        BASE | dict(hidden_size=24, num_attention_heads=3, intermediate_size=56), ("max", "mean"),
        dict(normalize=False, after=["no_own_limit"]),
    ),
    "tiny-bert-dense": (BASE, "mean", dict(dense=dict(out_features=16))),
    "tiny-bert-dense-identity": (SMALL, "mean", dict(dense=dict(out_features=24, bias=False, activation_function=None), normalize=False)),
    "tiny-bert-weightedmean": (SMALL, "weightedmean", {}),
    "tiny-bert-mean-sqrt-len": (SMALL, "mean_sqrt_len_tokens", dict(normalize=False)),
    "tiny-bert-lasttoken": (SMALL, "lasttoken", {}),
    "tiny-bert-exclude-prompt": (
        SMALL, ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"),
        dict(prompts=PROMPTS, include_prompt=False, normalize=False),
    ),
    "tiny-bert-gelu-new": (SMALL | dict(hidden_act="gelu_new", num_hidden_layers=3), "mean", {}),
    "tiny-bert-relu": (SMALL | dict(hidden_act="relu", layer_norm_eps=1e-3, hidden_size=18, num_attention_heads=3), "mean", {}),
    "tiny-bert-cased": (SMALL, "mean", dict(tokenizer=dict(do_lower_case=False, strip_accents=True), vocab=CASED_VOCAB)),
    "tiny-bert-f16": (BASE, "mean", dict(dtype=torch.float16)),
    "tiny-bert-bf16": (BASE, "mean", dict(dtype=torch.bfloat16)),
    "tiny-bert-sharded": (SMALL | dict(num_hidden_layers=2), "mean", dict(after=["sharded"])),
    "tiny-bert-dot-prefix": (SMALL, "mean", dict(masked_lm=True)),
    "tiny-roberta": (
        SMALL | dict(max_position_embeddings=50, type_vocab_size=1, layer_norm_eps=1e-5, num_hidden_layers=2), "mean",
        dict(architecture="roberta", limit=48),
    ),
    "tiny-xlm-roberta": (
        BASE | dict(max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5), "mean",
        dict(architecture="xlm-roberta", limit=64, prompts=E5_PROMPTS),
    ),
    "tiny-mpnet": (
        {k: v for k, v in BASE.items() if k != "type_vocab_size"} | dict(max_position_embeddings=202, layer_norm_eps=1e-5), "mean",
        dict(architecture="mpnet", limit=200),
    ),
    "tiny-distilbert": (
        dict(dim=24, n_layers=2, n_heads=3, hidden_dim=40, max_position_embeddings=64), "cls", dict(architecture="distilbert"),
    ),
    "tiny-nomic-bert": (
        dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=56, max_position_embeddings=64), "mean",
        # Longer than the configuration's positions, as in the published folder.
        dict(architecture="nomic_bert", limit=100, prompts=NOMIC_PROMPTS, after=["longer_limit"], last=["published_nomic_config"], norm_before_cut=16),
    ),
    "tiny-nomic-bert-native": (
        dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=64, rope_parameters=dict(rope_type="default", rope_theta=50.0)),
        "mean", dict(architecture="nomic_bert"),
    ),
    "tiny-modernbert": (
        dict(hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=40, max_position_embeddings=180, local_attention=12), "cls",
        dict(architecture="modernbert"),
    ),
    "tiny-modernbert-biases": (
        dict(
            hidden_size=24, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24, max_position_embeddings=96, local_attention=40,
            norm_bias=True, attention_bias=True, mlp_bias=True, hidden_activation="gelu_pytorch_tanh", global_attn_every_n_layers=2,
        ), "mean", dict(architecture="modernbert", masked_lm=True, last=["published_modernbert_config"]),
    ),
}  # fmt: skip

# Each is (dimensions of the table, options).
STATIC = {
    "tiny-static": (24, {}),
    "tiny-static-nested": (20, dict(normalize=True, own_limit=30, nested=True)),
    "tiny-model2vec": (16, dict(model2vec=dict(normalize=True, config=dict(model_type="model2vec", hidden_dim=16, seq_length=1000000)))),
    "tiny-model2vec-clusters": (12, dict(model2vec=dict(max_length=20), clusters=31, dtype=np.float16)),
}  # fmt: skip


def fill(state, seed):
    """Random values with a spread at which a wrong norm, bias or activation shows in the vectors."""
    random = np.random.default_rng(seed)
    for name in sorted(state):
        noise = torch.from_numpy(random.standard_normal(state[name].shape, dtype=np.float32))
        if name.lower().endswith("norm.weight"):
            values = 1 + 0.2 * noise
        elif "relative_attention_bias" in name:
            values = noise
        elif name.endswith("bias"):
            values = 0.1 * noise
        else:
            values = (0.5 if "embeddings" in name else 0.2) * noise
        state[name].copy_(values)


def write_tiny(name):
    config, pooling, options = TINY[name]
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    build_tiny(name, folder, config, pooling, options)
    for step in options.get("after", []):
        globals()[step](folder)
    same_everywhere(folder)

    cases = [dict(prompt_name=None)]
    cases += [dict(prompt_name=prompt) for prompt in options.get("prompts", {})]
    if "dimensions" in options:
        cases += [dict(truncate_dim=options["dimensions"], normalize_embeddings=cut) for cut in (False, True)]
    if "norm_before_cut" in options:
        cases.append(dict(norm_before_cut=options["norm_before_cut"]))
    model, written, worst = load(folder), [], 0.0
    texts = TINY_TEXTS + (OTHER_TEXTS if "architecture" in options else [])
    for case in cases:
        cut = case.pop("norm_before_cut", None)
        vectors, error = encode_with_error(folder, texts, **case)
        if cut is not None:
            # As the card of nomic-embed-text-v1.5 says.
            normed = torch.nn.functional.layer_norm(torch.from_numpy(vectors), vectors.shape[1:])[:, :cut]
            vectors = torch.nn.functional.normalize(normed).numpy()
        prompt = model.prompts.get(case.get("prompt_name"), "")
        lengths = token_counts(folder, [prompt + text for text in texts])
        written.append(
            {
                "prompt_name": case.get("prompt_name"),
                "prompt": prompt,
                "dimensions": vectors.shape[1],
                "renormalized": case.get("normalize_embeddings", cut is not None),
                "float64_difference": rounded(error, 2),
                "lengths": lengths,
                "tokens": [min(length, model.max_seq_length) for length in lengths],
                "truncated": [length > model.max_seq_length for length in lengths],
                "vectors": [[rounded(value, 9) for value in row] for row in vectors],
            }
        )
        worst = max(worst, error)
    expected = {
        "model": name,
        "versions": versions(),
        "max_tokens": model.max_seq_length,
        "dimensions": model.get_embedding_dimension(),
        "pooling": [pooling] if isinstance(pooling, str) else list(pooling),
        "include_prompt": options.get("include_prompt", True),
        "normalized": options.get("normalize", True),
        "texts": texts,
        "cases": written,
    }
    write_json(FIXTURES / f"{name}.expected.json", expected)
    for step in options.get("last", []):
        globals()[step](folder)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{name}: {size / 1000:.0f} kB, {len(written)} cases, limit {model.max_seq_length}, float64 difference {worst:.1e}")


def bert_tokenizer(options):
    vocab = options.get("vocab", LOWER_VOCAB)
    return BertTokenizerFast(vocab={token: n for n, token in enumerate(vocab)}, **options.get("tokenizer", {}))


def roberta_tokenizer(options):
    # Byte-level BPE: the 256 bytes as characters, and some words with and without a space before them.
    merges, vocab = [], ["<s>", "<pad>", "</s>", "<unk>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    for word in ["the", "river", "and", "\u0120the", "\u0120river", "\u0120and", "ing", "er"]:
        for end in range(1, len(word)):
            if (merge := (word[:end], word[end])) not in merges:
                merges.append(merge)
                vocab.append(word[: end + 1])
    vocab = {token: n for n, token in enumerate(dict.fromkeys([*vocab, "<mask>"]))}
    return transformers.RobertaTokenizerFast(vocab=vocab, merges=merges, model_max_length=options["limit"])


def xlm_roberta_tokenizer(options):
    pieces = ["\u2581", *(f"\u2581{word}" for word in WORDS), *(suffix[2:] for suffix in SUFFIXES)]
    pieces += [*LETTERS, *LETTERS.upper(), *"0123456789", *".,:;!?'\"()[]-_/", *"ßæ中文жя", "\u2581Q", "passage", "query", "\u2581:"]
    vocab = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    # Longer pieces are likelier than their letters one by one; no two segmentations of a text weigh the same.
    vocab += [(piece, -3.0 - n / 64 - (4 if len(piece) == 1 else 0)) for n, piece in enumerate(dict.fromkeys(pieces))]
    return transformers.XLMRobertaTokenizerFast(vocab=[*vocab, ("<mask>", 0.0)], model_max_length=options["limit"])


def mpnet_tokenizer(options):
    vocab = ["<s>", "<pad>", "</s>", "<unk>", *(token for token in LOWER_VOCAB if token not in SPECIAL), "[UNK]", "<mask>"]
    vocab = {token: n for n, token in enumerate(vocab)}
    return transformers.MPNetTokenizerFast(vocab=vocab, model_max_length=options["limit"])


TOKENIZERS = {
    "bert": bert_tokenizer, "distilbert": bert_tokenizer, "nomic_bert": bert_tokenizer, "modernbert": bert_tokenizer,
    "roberta": roberta_tokenizer, "xlm-roberta": xlm_roberta_tokenizer, "mpnet": mpnet_tokenizer,
}  # fmt: skip
CLASSES = {
    "bert": "Bert", "distilbert": "DistilBert", "nomic_bert": "NomicBert", "modernbert": "ModernBert",
    "roberta": "Roberta", "xlm-roberta": "XLMRoberta", "mpnet": "MPNet",
}  # fmt: skip


def build_tiny(name, folder, config, pooling, options):
    seed = seed_of(name)
    tokenizer, prefix = TOKENIZERS[options.get("architecture", "bert")](options), CLASSES[options.get("architecture", "bert")]
    of = lambda suffix: getattr(transformers, prefix + suffix)
    ids = {key: getattr(tokenizer, key) for key in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")}
    if prefix == "ModernBert":
        config = config | ids
    elif prefix != "Bert":
        config = config | dict(pad_token_id=ids["pad_token_id"])
    network = of("ForMaskedLM" if options.get("masked_lm") else "Model")(of("Config")(vocab_size=len(tokenizer), **config))
    with torch.no_grad():
        fill(dict(network.named_parameters()), seed)
    with tempfile.TemporaryDirectory() as bare:
        of("Model")(network.config).save_pretrained(bare)
        tokenizer.save_pretrained(bare)
        modules = [Transformer(bare)]
    dimension = config.get("hidden_size") or config["dim"]
    modules.append(Pooling(dimension, pooling, include_prompt=options.get("include_prompt", True)))
    if "dense" in options:
        dense = Dense(modules[-1].pooling_output_dimension, **options["dense"])
        with torch.no_grad():
            fill(dict(dense.named_parameters()), seed + 1)
        modules.append(dense)
    if options.get("normalize", True):
        modules.append(Normalize())
    model = SentenceTransformer(modules=modules, device="cpu", prompts=options.get("prompts"))
    model.save(str(folder), create_model_card=False)
    # The network itself last: in its own type, and with the tensor names of its own class.
    network.to(options.get("dtype", torch.float32)).save_pretrained(folder)


def same_everywhere(folder):
    """Files for everybody (safetensors writes for the owner alone), torch's version without the kind of its build."""
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    with edited(folder / "config_sentence_transformers.json") as config:
        config["__version__"]["pytorch"] = versions()["torch"]


def own_truncation(folder):
    """A tokenizer.json that brings a lower limit and padding, as that of all-MiniLM-L6-v2 does. Both are ignored."""
    with edited(folder / "tokenizer.json") as tokenizer:
        tokenizer["truncation"] = {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0}
        tokenizer["padding"] = {
            "strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": None,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
        }  # fmt: skip


def no_own_limit(folder):
    """What transformers writes for a tokenizer without a limit (beyond 64 bits): the positions then decide."""
    with edited(folder / "tokenizer_config.json") as config:
        config["model_max_length"] = int(1e30)


def legacy_layout(folder):
    """The files as sentence-transformers 2 wrote them, and as most published folders (bge among them) have them."""
    modules = ["", "1_Pooling", "2_Normalize"]
    types = ["Transformer", "Pooling", "Normalize"]
    write_json(
        folder / "modules.json",
        [
            {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for n, (path, kind) in enumerate(zip(modules, types))
        ],
    )
    shutil.rmtree(folder / "2_Normalize")
    keys = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    pooling = {f"pooling_mode_{key}": key == "cls_token" for key in keys}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": BASE["hidden_size"], **pooling})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 48, "do_lower_case": True})
    with edited(folder / "config_sentence_transformers.json") as config:
        config.pop("model_type")
    # A published folder's tokenizer says 512, whatever the model's own limit is.
    with edited(folder / "tokenizer_config.json") as config:
        config["model_max_length"] = 512
    # Left by old versions of transformers; no weight, to be ignored.
    state = load_file(folder / "model.safetensors")
    state["embeddings.position_ids"] = torch.arange(BASE["max_position_embeddings"]).unsqueeze(0)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def longer_limit(folder):
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 100, "do_lower_case": False})


def published_nomic_config(folder):
    """The keys of nomic-embed-text-v1.5's config.json, which are GPT-2's, instead of transformers'. The tensors have the
    published names anyway."""
    ours = json.loads((folder / "config.json").read_text())
    config = {
        "activation_function": "swiglu", "architectures": ["NomicBertModel"], "attn_pdrop": 0.0, "bos_token_id": None, "causal": False,
        "dense_seq_output": True, "embd_pdrop": 0.0, "eos_token_id": None, "fused_bias_fc": True, "fused_dropout_add_ln": True,
        "initializer_range": 0.02, "layer_norm_epsilon": ours["layer_norm_eps"], "max_trained_positions": 16, "mlp_fc1_bias": False,
        "mlp_fc2_bias": False, "model_type": "nomic_bert", "n_embd": ours["hidden_size"], "n_head": ours["num_attention_heads"],
        "n_inner": ours["intermediate_size"], "n_layer": ours["num_hidden_layers"], "n_positions": ours["max_position_embeddings"],
        "pad_vocab_size_multiple": 64, "parallel_block": False, "parallel_block_tied_norm": False, "prenorm": False, "qkv_proj_bias": False,
        "reorder_and_upcast_attn": False, "resid_pdrop": 0.0, "rotary_emb_base": ours["rope_parameters"]["rope_theta"], "rotary_emb_fraction": 1.0,
        "rotary_emb_interleaved": False, "rotary_emb_scale_base": None, "rotary_scaling_factor": None,
        "scale_attn_by_inverse_layer_idx": False, "scale_attn_weights": True, "type_vocab_size": ours["type_vocab_size"], "use_cache": True,
        "use_flash_attn": True, "use_rms_norm": False, "use_xentropy": True, "vocab_size": ours["vocab_size"],
    }  # fmt: skip
    write_json(folder / "config.json", config)


def published_modernbert_config(folder):
    """The keys of transformers 4, as gte-modernbert-base has them."""
    with edited(folder / "config.json") as config:
        rope, types = config.pop("rope_parameters"), config.pop("layer_types")
        config["global_rope_theta"] = rope["full_attention"]["rope_theta"]
        config["local_rope_theta"] = rope["sliding_attention"]["rope_theta"]
        config["global_attn_every_n_layers"] = types[1:].index("full_attention") + 1
        config["position_embedding_type"] = "absolute"


def seed_of(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


# ---------------------------------------------------------------------------------------------------------------------
# Static embeddings
# ---------------------------------------------------------------------------------------------------------------------

# What sentence-transformers does not limit; more characters than any string of JavaScript has.
NO_LIMIT = 1 << 30


def write_static(name):
    dimensions, options = STATIC[name]
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = Tokenizer(models.WordPiece({token: n for n, token in enumerate(LOWER_VOCAB)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    if "own_limit" in options:
        tokenizer.enable_truncation(options["own_limit"])
    random = np.random.default_rng(seed_of(name))
    table = random.standard_normal((options.get("clusters", len(LOWER_VOCAB)), dimensions), dtype=np.float32)
    texts = TINY_TEXTS + OTHER_TEXTS + ["river " * 60 + "stone", "zyx \U0001f98a " * 30]
    if "model2vec" in options:
        vectors, exact, counts, limit = write_model2vec(folder, tokenizer, table, random, texts, options)
    else:
        vectors, exact, counts, limit = write_static_module(folder, tokenizer, table, texts, options)
    expected = {
        "model": name,
        "versions": versions() | ({"model2vec": model2vec.__version__} if "model2vec" in options else {}),
        "max_tokens": limit,
        "dimensions": dimensions,
        "pooling": ["mean"],
        "include_prompt": True,
        "normalized": options.get("model2vec", options).get("normalize", False),
        "texts": texts,
        "cases": [
            {
                "prompt_name": None, "prompt": "", "dimensions": dimensions, "renormalized": False,
                "float64_difference": rounded(float(np.abs(vectors - exact).max()), 2), **counts,
                "vectors": [[rounded(value, 9) for value in row] for row in vectors.astype(np.float32)],
            }
        ],
    }  # fmt: skip
    write_json(FIXTURES / f"{name}.expected.json", expected)
    print(f"{name}: limit {limit}, float64 difference {np.abs(vectors - exact).max():.1e}")


def write_static_module(folder, tokenizer, table, texts, options):
    modules = [StaticEmbedding(tokenizer, embedding_weights=table)] + ([Normalize()] if options.get("normalize") else [])
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    if options.get("nested"):
        # As static-retrieval-mrl-en-v1 has it.
        (folder / "0_StaticEmbedding").mkdir()
        for file in ("model.safetensors", "tokenizer.json"):
            (folder / file).rename(folder / "0_StaticEmbedding" / file)
        modules_file = json.loads((folder / "modules.json").read_text())
        modules_file[0].update(path="0_StaticEmbedding", type="sentence_transformers.models.StaticEmbedding")
        write_json(folder / "modules.json", modules_file)
    same_everywhere(folder)
    model = SentenceTransformer(str(folder), device="cpu")
    vectors, exact = encode(model, texts), encode(SentenceTransformer(str(folder), device="cpu").double(), texts)
    limit = options.get("own_limit", NO_LIMIT)
    tokenizer.no_truncation()
    lengths = [len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts]
    for text, length in zip(texts, lengths):
        assert len(model.preprocess([text])["input_ids"]) == min(length, limit)
    counts = dict(lengths=lengths, tokens=[min(n, limit) for n in lengths], truncated=[n > limit for n in lengths])
    return vectors, exact, counts, limit


def write_model2vec(folder, tokenizer, table, random, texts, options):
    given = dict(options["model2vec"])
    if "clusters" in options:
        given["token_mapping"] = random.integers(0, len(table), len(LOWER_VOCAB))
        given["weights"] = random.uniform(0.2, 2.0, len(LOWER_VOCAB)).astype(np.float32)
    table = table.astype(options.get("dtype", np.float32))
    model2vec.StaticModel(table, tokenizer, **given).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)
    model = model2vec.StaticModel.from_pretrained(folder, force_download=False)
    vectors = np.stack([model.encode([text])[0] for text in texts])
    wide = model2vec.StaticModel(model.embedding.astype(np.float64), tokenizer, **given)
    exact = np.stack([wide.encode([text])[0] for text in texts])
    if table.dtype != np.float32:
        # It computes in the type of its table; here the arithmetic is float32 at least.
        vectors = exact
    limit, tokens, truncated, lengths = model.max_length, [], [], []
    for text in texts:
        cut = text[: limit * model.median_token_length]
        tokenizer.no_truncation()
        whole = tokenizer.encode(cut, add_special_tokens=False).ids
        lengths.append(len(tokenizer.encode(text, add_special_tokens=False).ids))
        truncated.append(len(cut) < len(text) or len(whole) > limit)
        tokens.append(sum(id != LOWER_VOCAB.index("[UNK]") for id in whole[:limit]))
    return vectors, exact, dict(lengths=lengths, tokens=tokens, truncated=truncated), limit


def sharded(folder):
    network = BertModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    network.save_pretrained(folder, max_shard_size="9KB")
    assert len(list(folder.glob("model-*.safetensors"))) >= 2


# ---------------------------------------------------------------------------------------------------------------------
# Quality
# ---------------------------------------------------------------------------------------------------------------------


def write_quality(model_folder, data):
    from scipy.stats import spearmanr

    model = load(model_folder)
    rows = [line.split("\t") for line in (data / "stsb" / "test.tsv").read_text(encoding="utf-8").splitlines()]
    pairs = [(float(score), first, second) for score, first, second in rows if is_number(score)]
    sides = [model.encode([pair[n] for pair in pairs], show_progress_bar=False).astype(np.float64) for n in (1, 2)]
    spearman = spearmanr((sides[0] * sides[1]).sum(axis=1), [pair[0] for pair in pairs]).statistic

    documents = jsonl(data / "cranfield" / "corpus.jsonl")
    queries = jsonl(data / "cranfield" / "queries.jsonl")
    bodies = [f"{row.get('title', '')} {row['text']}".strip() for row in documents]
    corpus = model.encode(bodies, show_progress_bar=False).astype(np.float64)
    asked = model.encode([row["text"] for row in queries], show_progress_bar=False).astype(np.float64)
    relevance = {}
    for line in (data / "cranfield" / "qrels.tsv").read_text(encoding="utf-8").splitlines():
        query, document, grade = line.split("\t")[:3]
        if is_number(grade):
            relevance.setdefault(query, {})[document] = float(grade)
    ids = [row["_id"] for row in documents]
    gains = [ndcg(relevance[row["_id"]], scores, ids, 10) for row, scores in zip(queries, asked @ corpus.T) if row["_id"] in relevance]

    result = {
        "model": f"sentence-transformers/{MINILM}",
        "dtype": "float32",
        "sha256": {"model.safetensors": sha256(model_folder / "model.safetensors")},
        "versions": versions(),
        "stsb_test": {"pairs": len(pairs), "spearman": round(float(spearman), 6), "sha256": sha256(data / "stsb" / "test.tsv")},
        "cranfield": {
            "documents": len(documents),
            "queries": len(gains),
            "ndcg_at_10": round(float(np.mean(gains)), 6),
            "sha256": {name: sha256(data / "cranfield" / name) for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")},
        },
    }
    write_json(FIXTURES / "quality.json", result)
    print(f"quality: STS-B test Spearman {spearman:.4f}, Cranfield nDCG@10 {np.mean(gains):.4f}")


def ndcg(relevant, scores, ids, k):
    """Linear gain, as trec_eval computes it. Equal scores stay in the corpus's order."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    best = np.argsort(-scores, kind="stable")[:k]
    gain = sum(relevant.get(ids[n], 0.0) * d for n, d in zip(best, discount))
    ideal = sum(g * d for g, d in zip(sorted(relevant.values(), reverse=True), discount))
    return gain / ideal if ideal else 0.0


# ---------------------------------------------------------------------------------------------------------------------
# Small helpers
# ---------------------------------------------------------------------------------------------------------------------


class edited:
    """`with edited(path) as value:` reads a JSON file and writes it back."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.value = json.loads(self.path.read_text(encoding="utf-8"))
        return self.value

    def __exit__(self, failed, *_):
        if not failed:
            self.path.write_text(json.dumps(self.value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_json(path, value):
    """Pure ASCII, so that no editor or checkout alters a text; lists of numbers on one line."""
    if isinstance(value, dict) and "cases" in value:
        cases = value["cases"]
        head = json.dumps({k: v for k, v in value.items() if k != "cases"}, indent=1)[:-2]
        body = ",\n  ".join(case_lines(case) for case in cases)
        text = f'{head},\n "cases": [\n  {body}\n ]\n}}'
    elif isinstance(value, dict):
        text = "{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n}"
    else:
        text = "[\n" + ",\n".join(f"  {json.dumps(entry)}" for entry in value) + "\n]"
    assert json.loads(text) == value
    path.write_text(text + "\n", encoding="ascii")


def case_lines(case):
    rows = ",\n    ".join(json.dumps(row) for row in case["vectors"])
    head = ", ".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in case.items() if k != "vectors")
    return f'{{ {head},\n   "vectors": [\n    {rows}\n   ] }}'


def rounded(value, digits):
    return float(f"{float(value):.{digits}g}")


def is_number(text):
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def jsonl(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def versions():
    modules = (sentence_transformers, transformers, torch)
    return {module.__name__: module.__version__.split("+")[0] for module in modules}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help=f"folder with the float32 {MINILM}")
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data", help="folder with stsb/ and cranfield/ (default: %(default)s)")
    parser.add_argument("--only", action="append", metavar="NAME", help="make this part only (may be repeated)")
    options = parser.parse_args()

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    FIXTURES.mkdir(parents=True, exist_ok=True)
    parts = {
        "texts": lambda: write_texts(options.model),
        MINILM: lambda: write_minilm(options.model),
        **{name: lambda name=name: write_tiny(name) for name in TINY},
        **{name: lambda name=name: write_static(name) for name in STATIC},
        "quality": lambda: write_quality(options.model, options.data),
    }
    chosen = options.only or list(parts)
    if unknown := [name for name in chosen if name not in parts]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(parts)}")
    if options.model is None and not set(chosen) <= set(TINY) | set(STATIC):
        parser.error(f"--model is needed for {', '.join(name for name in chosen if name not in TINY and name not in STATIC)}")
    for name in parts:
        if name not in chosen:
            continue
        if name == "quality" and not options.only and not options.data.is_dir():
            print(f"quality: left as it is, no data in {options.data}", file=sys.stderr)
            continue
        parts[name]()


if __name__ == "__main__":
    main()
