/** A record as the commands write it, with as much as a page needs. */
export function exampleRecord({ ours = 2, note = "default" } = {}) {
  const spread = (median: number) => ({ median, min: median * 0.9, max: median * 1.1, count: 3 });
  const engine = (name: string, speed: number, reference: number) => ({
    dtype: "float32",
    from: "JavaScript",
    ours: name.startsWith("candle-embed"),
    textsPerSecond: spread(speed),
    tokensPerSecond: spread(speed * 10),
    ratioToReference: spread(speed / reference),
    cosine: { mean: 0.99999, min: 0.9999 },
    settings: { batch: 16 },
    standard: { settings: { batch: 32, sorted: false }, speed: 0.5 },
  });
  const header = {
    date: "2026-11-21T12:00:00.000Z",
    model: "minilm",
    threads: 2,
    quick: false,
    machine: { cpu: "A CPU", node: "20.20.2", version: "0.1.0", commit: "0123456789abcdef" },
  };
  const figures = (own: number, peer: number, key: string) => ({
    engines: [
      { name: "candle-embed-f32", [key]: own, p95: own, calls: 400, peak: own },
      { name: "onnxruntime-f32", [key]: peer, p95: peer, calls: 400, peak: peer },
    ],
    text: { tokens: 15 },
    nodeAlone: { median: 40 },
    pause: 0,
  });
  return [
    {
      ...header,
      command: "throughput",
      reference: "onnxruntime-f32",
      missing: { "text-embeddings-inference": `set <BENCH_TEI_URL> & ${note}` },
      workload: {
        name: "short",
        texts: 10,
        tokens: 100,
        partOnly: {},
        excluded: {},
        rounds: [{ steal: 0.01 }],
        roundsUsed: [0],
        engines: {
          "candle-embed-f32": engine("candle-embed-f32", ours * 500, 500),
          "onnxruntime-f32": engine("onnxruntime-f32", 500, 500),
        },
      },
    },
    { ...header, command: "latency", ...figures(1, 2, "p50") },
    { ...header, command: "memory", ...figures(100e6, 300e6, "rss") },
    { ...header, command: "startup", ...figures(150, 300, "median") },
    {
      ...header,
      command: "scaling",
      dtypes: {
        float32: {
          lengths: [16, 512].map((tokens) => ({ tokens, tokensPerSecond: 9000 - tokens })),
          batches: [1, 256].map((batch) => ({ tokens: 16, batch, textsPerSecond: 400 + batch })),
          threads: [{ threads: 1, textsPerSecond: 20, speedUp: 1 }],
        },
      },
    },
  ];
}
