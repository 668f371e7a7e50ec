/** The report of an experiment: a page that needs nothing but itself, and the figures as JSON beside it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { html, raw } from 'hono/html'
import type { Metric } from '../../cli/report.ts'
import { ctrPart } from './ctr-part.ts'
import type { Findings } from './findings.ts'
import { table } from './parts.ts'
import type { Provenance } from './provenance.ts'
import { freshPart, looPart } from './ranked-part.ts'
import { style } from './style.ts'
import { bound, breakable, type Html, isMet, metricValue, NONE } from './words.ts'

const TITLES: Readonly<Record<Findings['what'], string>> = {
  ctr: 'Who ranks better: the cloud’s model, or one’s own?',
  loo: 'Leave one out: each user’s last item',
  fresh: 'News: what nobody could know last night',
}

/** Writes `index.html` and `results.json` into `folder`, which is made if it is not there; returns the page's path. */
export function writeReport(folder: string, findings: Findings): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'index.html')
  writeFileSync(path, reportPage(findings))
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(findings)}\n`)
  return path
}

export function reportPage(findings: Findings): string {
  const { provenance, metrics, notes } = findings
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kindred: ${TITLES[findings.what]}</title>
<style>${raw(style)}</style>
</head>
<body>
<header>
<p class="quiet">kindred experiment ${findings.what}</p>
<h1>${TITLES[findings.what]}</h1>
<p>${provenance.who}</p>
</header>
<main>
${metrics.length === 0 ? '' : headline(metrics)}
${part(findings)}
${notes.length === 0 ? '' : html`<h2>To know</h2><ul>${notes.map((note) => html`<li>${note}</li>`)}</ul>`}
${origin(provenance)}
</main>
</body>
</html>
`)
}

function part(findings: Findings): Html {
  switch (findings.what) {
    case 'ctr':
      return ctrPart(findings)
    case 'loo':
      return looPart(findings)
    case 'fresh':
      return freshPart(findings)
  }
}

const headline = (metrics: readonly Metric[]): Html => html`<h2>What came out</h2>
${table(
  'The figures that the command prints, with 95 % intervals',
  [
    ['figure', ({ metric }: Metric) => html`<code>${breakable(metric)}</code>`],
    ['measured', metricValue],
    ['target', ({ target }) => (target ? bound(target) : NONE)],
    ['', verdict],
    ['against', ({ rival }) => rival ?? NONE, 'words'],
  ],
  metrics,
)}`

function verdict(metric: Metric): Html {
  const met = isMet(metric)
  if (met === undefined) return NONE
  return met ? html`<span class="met">met</span>` : html`<span class="missed">missed</span>`
}

const origin = ({ command, commit, finished, machine, versions, data, seeds, minutes }: Provenance): Html =>
  html`<h2>To get it again</h2>
<dl>
<dt>command</dt><dd><code>${command}</code></dd>
<dt>commit</dt><dd>${commit === null ? 'unknown: there was no repository' : html`<code>${commit}</code>`}</dd>
<dt>data</dt><dd>${data}</dd>
<dt>seeds</dt><dd>${seeds.join(', ')}</dd>
<dt>finished</dt><dd>${finished}</dd>
${minutes === null ? '' : html`<dt>took</dt><dd>${minutes.toFixed(1)} minutes</dd>`}
${[...Object.entries(machine), ...Object.entries(versions)].map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
</dl>
<p class="quiet">All figures, every interval and each user’s gain are in <a href="results.json">results.json</a>, beside this page.</p>`
