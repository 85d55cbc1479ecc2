//! A call to a model, worked on in steps.
//!
//! A step takes about as long as its caller allows and runs on the caller's thread and the model's other threads.
//! Between steps the caller may report progress, give up, or let another call go first; nothing of a job runs then.
//!
//! Texts are taken in windows: a window is tokenized, cut into batches, and its batches are computed, so that memory
//! besides texts and result does not grow with the size of the call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use web_time::Instant;

use crate::batch::LengthOrder;
use crate::device::Ticket;
use crate::embedder::{Embedder, Engine};
use crate::error::{Error, Result};
use crate::executor::{DeviceExecutor, DeviceVectors, Executor, OwnedTokens, PackedTokens};
use crate::fault;
use crate::head::{VectorShape, check_finite};
use crate::options::{OutputType, Truncate};
use crate::output::OutputData;

/// Limits of a window. Tokenizing takes about 0.15 s a megabyte and thread, so a window opens in some 40 ms.
const WINDOW_TEXTS: usize = 1024;
const WINDOW_BYTES: usize = 512 << 10;

/// Texts that a thread tokenizes at a time: some 0.5 ms for short ones.
const TOKENIZE_CHUNK: usize = 16;

/// Tokens for each thread in the first batch of a job: a few milliseconds for a small model. Later batches follow the
/// speed that was seen.
const FIRST_BATCH_TOKENS: usize = 512;

/// The same for a device: it is not known yet, and small ones are slow to begin with.
const FIRST_DEVICE_TOKENS: usize = 8192;

/// How long a batch of a device should take: long against the gap between two, short enough to be waited for.
const DEVICE_BATCH_TIME: Duration = Duration::from_millis(100);

/// Batches that a device has at a time: one that it computes and one that waits, so that it is never idle while texts are
/// tokenized.
const DEVICE_BATCHES: usize = 2;

/// Texts of a device's window, in which neighbours find company of their length. No batch is larger: flash-attention takes
/// 65,535 texts at most.
const DEVICE_WINDOW_TEXTS: usize = 4096;
const DEVICE_WINDOW_BYTES: usize = 2 << 20;

/// The vectors of a call.
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// All vectors, in the order of the texts.
    pub data: OutputData,
    /// Components of each vector (before bits are packed).
    pub dimensions: usize,
    /// Tokens used of each text, special tokens and prompt included.
    pub tokens: Vec<u32>,
    /// Indices of the texts that lost tokens, ascending.
    pub truncated: Vec<u32>,
}

/// Where a job stands after a step.
#[derive(Debug)]
pub struct JobStep {
    /// Texts that are finished.
    pub texts: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Texts of the call.
    pub total_texts: usize,
    /// The answer, when all are finished.
    pub result: Option<Embeddings>,
}

/// The checked options of a call.
#[derive(Debug)]
pub(crate) struct JobOptions {
    pub prompt: String,
    pub truncate: Truncate,
    pub shape: VectorShape,
    pub output: OutputType,
}

/// Tokenized texts that wait to be computed.
#[derive(Debug)]
struct Window {
    /// Index in the call of the window's first text.
    first_text: usize,
    ids: Vec<u32>,
    /// Tokens of each text.
    lengths: Vec<usize>,
    /// Where each text's ids start.
    starts: Vec<usize>,
    order: LengthOrder,
}

/// A batch that a device has.
struct Flight {
    /// Indices in the call.
    texts: Vec<usize>,
    tokens: usize,
    ticket: Ticket<DeviceVectors>,
}

/// What the threads write to.
#[derive(Debug)]
struct Answer {
    data: OutputData,
    texts: usize,
    tokens: usize,
}

/// A call in progress. After an error every further step gives that error again.
pub struct EmbedJob {
    embedder: Arc<Embedder>,
    options: JobOptions,
    texts: Vec<String>,
    next_text: usize,
    window: Option<Window>,
    /// What a device works on, in its order.
    flights: VecDeque<Flight>,
    answer: Option<Answer>,
    tokens: Vec<u32>,
    truncated: Vec<u32>,
    /// Tokens a second in the last batch.
    speed: Option<f64>,
    /// The first text of the window that has no vector, and why. A batch takes what the time allows, so it is the window's end
    /// that says which text that is.
    refused: Option<(usize, Error)>,
    failure: Option<Error>,
}

impl EmbedJob {
    pub(crate) fn new(embedder: Arc<Embedder>, options: JobOptions) -> Self {
        Self {
            embedder,
            options,
            texts: Vec::new(),
            next_text: 0,
            window: None,
            flights: VecDeque::new(),
            answer: None,
            tokens: Vec::new(),
            truncated: Vec::new(),
            speed: None,
            refused: None,
            failure: None,
        }
    }

    /// Adds texts to the call; before its first step.
    pub fn push(&mut self, texts: Vec<String>) {
        if self.texts.is_empty() {
            self.texts = texts;
        } else {
            self.texts.extend(texts);
        }
    }

    /// Works for about `budget`, for one batch at least.
    ///
    /// # Errors
    ///
    /// As [`Embedder::embed`].
    pub fn step(&mut self, budget: Duration) -> Result<JobStep> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let outcome = self.work(budget);
        if let Err(error) = &outcome {
            self.failure = Some(error.clone());
        }
        outcome
    }

    fn work(&mut self, budget: Duration) -> Result<JobStep> {
        let started = Instant::now();
        let total_texts = self.texts.len();
        let mut answer = self.answer.take().unwrap_or_else(|| Answer {
            data: OutputData::new(self.options.output, total_texts, self.options.shape.dimensions),
            texts: 0,
            tokens: 0,
        });
        let embedder = Arc::clone(&self.embedder);
        while answer.texts < total_texts {
            let left = budget.saturating_sub(started.elapsed());
            match &embedder.engine {
                Engine::Cpu(executor) => self.compute(&**executor, &mut answer, left)?,
                Engine::Device(device) => self.compute_there(device, &mut answer)?,
            }
            if started.elapsed() >= budget {
                break;
            }
        }
        let (texts, tokens) = (answer.texts, answer.tokens);
        let mut step = JobStep { texts, tokens, total_texts, result: None };
        if texts < total_texts {
            self.answer = Some(answer);
        } else {
            self.failure = Some(Error::invalid_input("this call has been answered already"));
            step.result = Some(Embeddings {
                data: answer.data,
                dimensions: self.options.shape.dimensions,
                tokens: std::mem::take(&mut self.tokens),
                truncated: std::mem::take(&mut self.truncated),
            });
        }
        Ok(step)
    }

    /// Tokenizes the next texts.
    fn open_window(&mut self) -> Result<Window> {
        let first_text = self.next_text;
        let (texts, bytes) = match self.embedder.engine {
            Engine::Cpu(_) => (WINDOW_TEXTS, WINDOW_BYTES),
            Engine::Device(_) => (DEVICE_WINDOW_TEXTS, DEVICE_WINDOW_BYTES),
        };
        let size = window_size(&self.texts[first_text..], self.options.prompt.len(), texts, bytes);
        let texts = &mut self.texts[first_text..first_text + size];
        self.next_text += texts.len();
        let tokenized = tokenize(&self.embedder, &self.options, first_text, texts)?;
        // Their memory is not needed any more.
        texts.iter_mut().for_each(|text| *text = String::new());
        self.tokens.extend(tokenized.lengths.iter().map(|length| *length as u32));
        self.truncated.extend(tokenized.truncated);
        let mut start = 0;
        let starts = tokenized.lengths.iter().map(|length| {
            start += length;
            start - length
        });
        Ok(Window {
            first_text,
            starts: starts.collect(),
            order: LengthOrder::new(&tokenized.lengths),
            ids: tokenized.ids,
            lengths: tokenized.lengths,
        })
    }

    /// The next texts, at most `budget` tokens, or one: their indices in the call, and their ids.
    fn next_batch(&mut self, budget: usize) -> Result<(Vec<usize>, OwnedTokens)> {
        let mut window = match self.window.take() {
            Some(window) => window,
            None => self.open_window()?,
        };
        let batch = window.order.take(&window.lengths, budget);
        let (mut ids, mut offsets) = (Vec::with_capacity(budget.min(window.ids.len())), vec![0]);
        for text in &batch {
            ids.extend_from_slice(&window.ids[window.starts[*text]..][..window.lengths[*text]]);
            offsets.push(ids.len());
        }
        let texts = batch.into_iter().map(|text| window.first_text + text).collect();
        if !window.order.is_empty() {
            self.window = Some(window);
        }
        Ok((texts, OwnedTokens { ids, offsets }))
    }

    /// Tokens of a batch that takes about `time`: at the speed that was seen, `first` where none was.
    fn affordable(&self, first: usize, time: Duration) -> usize {
        // A float beyond usize saturates.
        let affordable = self.speed.map_or(0, |speed| (speed * time.as_secs_f64()) as usize);
        affordable.max(first).min(self.embedder.batch_tokens())
    }

    fn saw_speed(&mut self, tokens: usize, time: Duration) {
        self.speed = Some(tokens as f64 / time.as_secs_f64().max(1e-9));
    }

    /// Computes texts that take about `time`, one at least.
    fn compute(&mut self, executor: &dyn Executor, answer: &mut Answer, time: Duration) -> Result<()> {
        let embedder = Arc::clone(&self.embedder);
        let smallest = FIRST_BATCH_TOKENS * embedder.threads.threads();
        let (texts, OwnedTokens { ids, offsets }) = self.next_batch(self.affordable(smallest, time))?;
        let started = Instant::now();
        let shape = self.options.shape;
        let output = self.options.output;
        fault::point("forward");
        let target = Mutex::new((&mut answer.data, &mut self.refused));
        let tokens = PackedTokens { ids: &ids, offsets: &offsets };
        executor.run(&embedder.threads, tokens, embedder.head.pooled_rows(shape), &|text, states| {
            let index = texts[text];
            let vector = embedder.head.vector(states, shape, index);
            let (data, refused) = &mut *target.lock().unwrap_or_else(PoisonError::into_inner);
            match vector {
                Ok(vector) => data.write(output, index, &vector),
                Err(error) if refused.as_ref().is_none_or(|(first, _)| index < *first) => {
                    **refused = Some((index, error));
                }
                Err(_) => {}
            }
        })?;
        if self.window.is_none()
            && let Some((_, error)) = self.refused.take()
        {
            return Err(error);
        }
        answer.texts += texts.len();
        answer.tokens += ids.len();
        self.saw_speed(ids.len(), started.elapsed());
        Ok(())
    }

    /// Gives `device` what it lacks, and takes one batch of vectors from it.
    fn compute_there(&mut self, device: &DeviceExecutor, answer: &mut Answer) -> Result<()> {
        let shape = self.options.shape;
        while self.flights.len() < DEVICE_BATCHES && (self.window.is_some() || self.next_text < self.texts.len()) {
            let (texts, tokens) = self.next_batch(self.affordable(FIRST_DEVICE_TOKENS, DEVICE_BATCH_TIME))?;
            fault::point("forward");
            let count = tokens.ids.len();
            self.flights.push_back(Flight { texts, tokens: count, ticket: device.submit(tokens, shape) });
        }
        let Some(Flight { texts, tokens, ticket }) = self.flights.pop_front() else {
            return Err(Error::internal("texts are missing"));
        };
        let DeviceVectors { data, time } = ticket.wait()?;
        for (text, vector) in texts.iter().zip(data.chunks_exact(shape.dimensions)) {
            check_finite(vector, *text)?;
            answer.data.write(self.options.output, *text, vector);
        }
        answer.texts += texts.len();
        answer.tokens += tokens;
        self.saw_speed(tokens, time);
        Ok(())
    }
}

/// How many of `texts`, each with a prompt of `prompt` bytes before it, make a window.
fn window_size(texts: &[String], prompt: usize, most_texts: usize, most_bytes: usize) -> usize {
    let mut bytes = 0;
    let fits = |text: &&String| {
        bytes += prompt + text.len();
        bytes <= most_bytes
    };
    texts.iter().take(most_texts).take_while(fits).count().max(1)
}

/// Texts as ids.
#[derive(Debug, Default)]
struct Tokenized {
    ids: Vec<u32>,
    lengths: Vec<usize>,
    /// Indices in the call.
    truncated: Vec<u32>,
}

/// Tokenizes `texts`, of which the first has index `first` in the call.
fn tokenize(embedder: &Embedder, options: &JobOptions, first: usize, texts: &[String]) -> Result<Tokenized> {
    if texts.len() <= TOKENIZE_CHUNK {
        return tokenize_chunk(embedder, options, first, texts);
    }
    let chunks: Vec<&[String]> = texts.chunks(TOKENIZE_CHUNK).collect();
    let slots: Vec<Mutex<Result<Tokenized>>> = chunks.iter().map(|_| Mutex::new(Ok(Tokenized::default()))).collect();
    embedder.threads.for_each(chunks.len(), |index| {
        let tokenized = tokenize_chunk(embedder, options, first + index * TOKENIZE_CHUNK, chunks[index]);
        *slots[index].lock().unwrap_or_else(PoisonError::into_inner) = tokenized;
    });
    let mut all = Tokenized::default();
    for slot in slots {
        // The error of the first text that has one, whichever thread was faster.
        let chunk = slot.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        all.ids.extend(chunk.ids);
        all.lengths.extend(chunk.lengths);
        all.truncated.extend(chunk.truncated);
    }
    Ok(all)
}

fn tokenize_chunk(embedder: &Embedder, options: &JobOptions, first: usize, texts: &[String]) -> Result<Tokenized> {
    fault::point("tokenize");
    let mut chunk = Tokenized::default();
    for (offset, text) in texts.iter().enumerate() {
        let (index, start) = (first + offset, chunk.ids.len());
        if embedder.tokenizer.encode(index, &options.prompt, text, options.truncate, &mut chunk.ids)? {
            chunk.truncated.push(index as u32);
        }
        chunk.lengths.push(chunk.ids.len() - start);
    }
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::window_size;

    /// A window is what a step opens at once, so that a long prompt must not make it longer.
    #[test]
    fn a_prompt_counts_with_every_text() {
        let texts = vec!["four".to_owned(); 100];
        assert_eq!(window_size(&texts, 0, 1024, 64), 16);
        assert_eq!(window_size(&texts, 4, 1024, 64), 8);
        assert_eq!(window_size(&texts, 1 << 20, 1024, 64), 1);
        assert_eq!(window_size(&texts, 0, 10, 64), 10);
    }
}
