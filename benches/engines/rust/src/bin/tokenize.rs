//! How long the tokenizer takes that candle-embed uses: `tokenize TOKENIZER_JSON LIMIT TEXTS_JSON` prints the seconds
//! of one thread for all texts, best of 3.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use tokenizers::{Tokenizer, TruncationParams};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tokenizer, limit, texts] = arguments.as_slice() else { return Err("three arguments".into()) };
    let mut tokenizer = Tokenizer::from_file(tokenizer)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(Some(TruncationParams { max_length: limit.parse()?, ..Default::default() }))?;
    let texts: Vec<String> = serde_json::from_slice(&std::fs::read(texts)?)?;
    let mut best = f64::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        for text in &texts {
            black_box(tokenizer.encode_fast(text.as_str(), true)?);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{best}");
    Ok(())
}
