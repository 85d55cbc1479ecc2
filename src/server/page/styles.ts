/** The page's only style sheet. Text keeps a contrast of 4.5 to 1 on all of these surfaces, in both schemes. */
export const styles = `:root {
  color-scheme: light dark;
  --page: #f6f5f2;
  --surface: #ffffff;
  --ink: #1c1b1a;
  --muted: #625e57;
  --line: #d8d5cd;
  --accent: #a8430c;
  --on-accent: #ffffff;
  --error: #a3151f;
  --positive: #ff9d4d;
  --negative: #7db7ff;
  --line-1: #a8430c;
  --line-2: #2567b0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #151412;
    --surface: #1f1e1b;
    --ink: #ecebe6;
    --muted: #a8a499;
    --line: #3a3832;
    --accent: #ffb066;
    --on-accent: #1c1b1a;
    --error: #ff8f8f;
    --positive: #9a4a00;
    --negative: #1d4f91;
    --line-1: #ffb066;
    --line-2: #7db7ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  padding: 1rem clamp(0.75rem, 3vw, 2rem) 3rem;
  max-width: 76rem;
  background: var(--page);
  color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif;
}
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0.25rem 1.5rem; }
h1 { margin: 0; font-size: 1.375rem; }
h2 { margin: 0 0 0.75rem; font-size: 1.0625rem; }
h3 { margin: 1rem 0 0.5rem; font-size: 1rem; overflow-wrap: anywhere; }
nav { display: flex; gap: 1rem; }
a { color: var(--accent); }
section {
  margin-top: 1rem;
  padding: 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--surface);
}
label { display: block; color: var(--muted); font-size: 0.875rem; }
input, select, textarea, button { font: inherit; color: inherit; }
input, select, textarea {
  display: block;
  width: 100%;
  margin-top: 0.25rem;
  padding: 0.5rem;
  border: 1px solid var(--muted);
  border-radius: 0.375rem;
  background: var(--page);
  color: var(--ink);
}
textarea { resize: vertical; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: 0.75rem; margin-bottom: 0.75rem; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; margin-top: 0.75rem; }
.actions p { margin: 0; }
button {
  padding: 0.5rem 1.25rem;
  border: 0;
  border-radius: 0.375rem;
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 600;
  cursor: pointer;
}
button:disabled { opacity: 0.6; cursor: progress; }
.error { color: var(--error); }
.scroll { margin-top: 1rem; overflow-x: auto; }
.heat-map { border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; }
.heat-map caption { color: var(--muted); font-size: 0.875rem; text-align: left; padding-bottom: 0.25rem; }
.heat-map th { font-weight: 400; text-align: center; color: var(--muted); }
.heat-map th[scope="row"] {
  min-width: 7rem;
  max-width: 22rem;
  padding-right: 0.5rem;
  overflow-wrap: anywhere;
  text-align: left;
  color: var(--ink);
}
.heat-map td { min-width: 2.875rem; padding: 0.375rem 0.125rem; border-radius: 0.25rem; text-align: center; }
.heat-map .positive { background: color-mix(in oklab, var(--positive) var(--strength), var(--surface)); }
.heat-map .negative { background: color-mix(in oklab, var(--negative) var(--strength), var(--surface)); }
details { margin-top: 1rem; }
summary { cursor: pointer; }
.vectors { padding-left: 1.5rem; }
.vectors span { display: block; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; color: var(--muted); font-size: 0.8125rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 0.75rem; }
output { color: var(--muted); font-size: 0.875rem; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: 6rem; margin-top: 0.25rem; }
.line { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.line-1 { stroke: var(--line-1); }
.line-2 { stroke: var(--line-2); stroke-dasharray: 4 4; }
.axis { stroke: var(--line); vector-effect: non-scaling-stroke; }
.legend { margin: 0.25rem 0 0; color: var(--muted); font-size: 0.8125rem; }
.legend span + span { margin-left: 1rem; }
.key-1::before, .key-2::before {
  content: "";
  display: inline-block;
  width: 1.25rem;
  margin-right: 0.375rem;
  border-top: 2px solid var(--line-1);
  vertical-align: middle;
}
.key-2::before { border-top: 2px dashed var(--line-2); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 0.75rem 1.5rem; margin: 0; }
dt { color: var(--muted); font-size: 0.875rem; }
dd { margin: 0; overflow-wrap: anywhere; }
#load-state:empty, #message:empty { display: none; }
`;
