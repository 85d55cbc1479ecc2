/** The page at `/`. What it loads comes from its own server, by paths that also hold behind a proxy's prefix. */
export const markup = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>candle-embed</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="page/page.css">
    <script type="module" src="page/main.js"></script>
  </head>
  <body>
    <header>
      <h1>candle-embed</h1>
      <nav aria-label="This server">
        <a href="openapi.json">OpenAPI</a>
      </nav>
    </header>
    <main>
      <section aria-labelledby="try-title">
        <h2 id="try-title">Try it</h2>
        <form id="form" autocomplete="off">
          <div class="fields">
            <div><label for="model">Model</label> <select id="model"></select></div>
            <div>
              <label for="input-type">Input</label>
              <select id="input-type">
                <option value="">as it is</option>
                <option value="query">a query</option>
                <option value="document">a document</option>
              </select>
            </div>
            <div>
              <label for="key">API key</label>
              <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="only where one is needed">
            </div>
          </div>
          <label for="texts">Texts, one a line</label>
          <textarea id="texts" rows="5" spellcheck="false">The cable is two metres long.
How long is the cord?
Shipping takes three days.
When will my parcel arrive?</textarea>
          <div class="actions">
            <button id="embed" type="submit">Embed</button>
            <p id="message" role="status" aria-live="polite"></p>
          </div>
        </form>
        <div id="result"></div>
      </section>
      <section aria-labelledby="load-title">
        <h2 id="load-title">Load</h2>
        <p id="load-state" role="status"></p>
        <div class="plots">
          <figure>
            <figcaption>Rate <output id="requests-now">–</output></figcaption>
            <svg id="requests-plot" role="img" aria-labelledby="requests-now"></svg>
            <p class="legend"><span class="key-1">requests</span> <span class="key-2">texts</span></p>
          </figure>
          <figure>
            <figcaption>Latency <output id="latency-now">–</output></figcaption>
            <svg id="latency-plot" role="img" aria-labelledby="latency-now"></svg>
            <p class="legend"><span class="key-1">median</span> <span class="key-2">95th percentile</span></p>
          </figure>
          <figure>
            <figcaption>Queue <output id="queue-now">–</output></figcaption>
            <svg id="queue-plot" role="img" aria-labelledby="queue-now"></svg>
            <p class="legend">the last ten minutes at most</p>
          </figure>
        </div>
      </section>
      <section aria-labelledby="facts-title">
        <h2 id="facts-title">Model and server</h2>
        <div id="facts"></div>
      </section>
    </main>
    <noscript>This page needs JavaScript; the server does not.</noscript>
  </body>
</html>
`;
