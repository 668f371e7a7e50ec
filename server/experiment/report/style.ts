/** The look of a report: that of the app, in one piece, for there is nothing to load it from. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #faf7f2; --sheet: #ffffff; --line: #ddd4c6; --ink: #23211e; --ink-quiet: #645d54;
  --pine: #2f5d50; --clay: #c8553d; --wash: #e4eee8;
  --plain: #8a8175; --blue: #3b6ea8; --ochre: #a8761a; --plum: #8a4d8f; --moss: #6c7f2b; --teal: #1f7f8c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14191a; --sheet: #1d2425; --line: #37423f; --ink: #f0ebe2; --ink-quiet: #b0aca2;
    --pine: #7fbfa6; --clay: #e58a70; --wash: #22352f;
    --plain: #9b958b; --blue: #86b3e6; --ochre: #dcb15c; --plum: #cf9bd4; --moss: #b3c56b; --teal: #6cc6d2;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 80rem; padding: 1.25rem max(0.75rem, env(safe-area-inset-left)) 3rem; }
h1, h2 { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif; line-height: 1.2; text-wrap: balance; }
h1 { font-size: clamp(1.5rem, 6vw, 2.25rem); margin: 0 0 0.5rem; }
h2 { font-size: 1.3rem; margin: 2.25rem 0 0.5rem; }
p, ul { max-width: 44rem; margin: 0.5rem 0; }
ul { padding-left: 1.2rem; }
a { color: var(--pine); }
code { font: 0.9em ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; overflow-wrap: break-word; }
dd code { overflow-wrap: anywhere; }
.quiet { color: var(--ink-quiet); }
.wide { overflow-x: auto; margin: 0.75rem 0; background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; }
.wide:focus-visible { outline: 2px solid var(--pine); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0.6rem 0.6rem 0.2rem; color: var(--ink-quiet); }
caption span { position: sticky; left: 0.6rem; display: inline-block; max-width: min(44rem, calc(100vw - 4rem)); }
th, td { padding: 0.4rem 0.6rem; text-align: right; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; vertical-align: bottom; color: var(--ink-quiet); font-weight: 600; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--sheet); }
.wide th:first-child { min-width: 6.5rem; max-width: 14rem; }
@media (max-width: 30rem) { .wide th:first-child { max-width: 7rem; } }
td.words, th.words { text-align: left; }
td.words { min-width: 14rem; }
small { display: block; color: var(--ink-quiet); white-space: nowrap; }
.met { color: var(--pine); } .missed { color: var(--clay); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1rem; margin: 0.75rem 0; align-items: start; }
figure { margin: 0; padding: 0.75rem 0.5rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 0.75rem; }
figure svg { display: block; width: 100%; max-width: 27rem; height: auto; margin: 0 auto; }
figcaption { padding: 0 0.25rem 0.5rem; font-weight: 600; }
figcaption span { display: block; font-weight: 400; font-size: 0.9rem; color: var(--ink-quiet); }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0; margin: 0.25rem 0; font-size: 0.9rem; }
.key i { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 50%; margin-right: 0.4em; }
dl { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: 0.3rem 1rem; margin: 0.75rem 0; }
dt { color: var(--ink-quiet); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.5rem; } }
@media print { .wide { overflow: visible; } figure, tr { break-inside: avoid; } }
`
