// Where the model lies. Each of its files is named in a way that tools see which copy what a program needs (Next's standalone
// output, Vercel, everything with @vercel/nft): they follow code, and a folder that is only read is lost on them.
const path = require("node:path");

exports.folder = __dirname;
exports.files = [
  path.join(__dirname, "1_Pooling/config.json"),
  path.join(__dirname, "config.json"),
  path.join(__dirname, "config_sentence_transformers.json"),
  path.join(__dirname, "model.safetensors"),
  path.join(__dirname, "modules.json"),
  path.join(__dirname, "sentence_bert_config.json"),
  path.join(__dirname, "tokenizer.json"),
  path.join(__dirname, "tokenizer_config.json"),
];
