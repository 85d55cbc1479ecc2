import { NativeBackend, topK } from "candle-embed";

const passages = ["The cable is two metres long.", "Shipping takes three days.", "We are closed on Mondays."];

let index;

/** The model and the vectors of the passages: made at the first request, kept for all. */
function openIndex() {
  index ??= (async () => {
    const model = await NativeBackend.load();
    return { model, vectors: await model.embedDocuments(passages) };
  })();
  return index;
}

export async function GET(request) {
  const question = request.nextUrl.searchParams.get("q");
  if (!question) return Response.json({ message: "ask with ?q=" }, { status: 400 });
  const { model, vectors } = await openIndex();
  const query = await model.embedQuery(question, { signal: request.signal });
  const [best] = topK(query, vectors, 1);
  return Response.json({ passage: passages[best.index], score: best.score });
}
