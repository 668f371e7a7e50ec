/** `kindred experiment loo` and `fresh`: places of positives among negatives, as tables and plots. */
import { html } from 'hono/html'
import type { RankedFindings } from '../statistics/ranked.ts'
import type { FreshReport, LooProtocol, LooReport } from './findings.ts'
import { colorOf, drawn, figure, table } from './parts.ts'
import { intervals, lines } from './plots.ts'
import { breakable, count, type Html, more, NONE, plain, withInterval, write } from './words.ts'

export const looPart = ({ protocols, reference }: LooReport): Html => html`
<p>Equal scores are in no order: what counts is the mean over all orders of what is tied, so that a model which gives everything one score
is as good as chance.</p>
${protocols.map((protocol) => looProtocol(protocol, reference))}`

function looProtocol({ title, arms, published }: LooProtocol, reference: string) {
  const rows = arms.map(({ arm, hr10 }, place) => ({
    name: arm,
    estimate: hr10.a,
    color: colorOf(arm, place),
  }))
  return html`<h2>${title}</h2>
<div class="plots">${figure(
    'HR@10',
    published.length > 0 ? 'with 95 % intervals; upright lines: published figures' : 'with 95 % intervals',
    intervals(rows, {
      label: 'HR@10',
      alt: `HR@10 of each arm, ${title}`,
      marks: published.map(({ model, hr10 }) => ({ name: `${model} ${hr10}`, value: hr10 })),
    }),
  )}</div>
${rankedTable(`${title}: each user’s last item`, arms, reference)}
${published.length === 0 ? '' : publishedTable(published)}`
}

const publishedTable = (published: LooProtocol['published']) =>
  table(
    'What others have published, same data and protocol; their negatives are other draws',
    [
      ['model', ({ model }) => model],
      ['HR@10', ({ hr10 }) => write(hr10, plain(4))],
      ['NDCG@10', ({ ndcg10 }) => write(ndcg10, plain(4))],
      ['source', ({ source, url }) => (url ? html`<a href="${url}">${source}</a>` : source), 'words'],
    ],
    published,
  )

export function freshPart({ arms, ages, days, reference }: FreshReport): Html {
  const shown = drawn(arms, reference)
  const seriesOver = (
    places: readonly { readonly name: string; readonly of: FreshReport['days'][number]['arms'] }[],
  ) =>
    shown.map(({ arm, color }) => ({
      arm,
      color,
      points: places.flatMap(({ name, of }) => {
        const found = of.find((one) => one.arm === arm)
        return found ? [{ name, estimate: found.hr10 }] : []
      }),
    }))
  const byAge = ages.map(({ title, arms: of }) => ({
    name: title,
    of: of.map(({ arm, hr10 }) => ({ arm, hr10: hr10.a })),
  }))
  const byDay = days.map(({ day, arms: of }) => ({ name: String(day), of }))
  return html`
<h2>The next click, against 50 articles being read at that moment</h2>
<div class="plots">
${figure(
  'By the article’s age',
  'HR@10, with 95 % intervals',
  lines(seriesOver(byAge), {
    label: 'HR@10',
    xLabel: 'age',
    alt: 'HR@10 of each arm by the age of the article',
  }),
  shown,
)}
${
  byDay.length === 0
    ? ''
    : figure(
        'Day by day',
        'HR@10, with 95 % intervals',
        lines(seriesOver(byDay), { label: 'HR@10', xLabel: 'day', alt: 'HR@10 of each arm, day by day' }),
        shown,
      )
}</div>
${rankedTable('All clicks', arms, reference)}
${ages.map(({ title, arms: of }) => rankedTable(`Articles aged ${title}`, of, reference))}`
}

const rankedTable = (caption: string, arms: readonly RankedFindings[], reference: string): Html =>
  table(
    caption,
    [
      ['arm', ({ arm }: RankedFindings) => breakable(arm)],
      ['users', ({ users }) => count(users)],
      ['judged', ({ judged }) => count(judged)],
      ['HR@1', ({ hr1 }) => withInterval(hr1.a, plain(4))],
      ['HR@5', ({ hr5 }) => withInterval(hr5.a, plain(4))],
      ['HR@10', ({ hr10 }) => withInterval(hr10.a, plain(4))],
      [`over ${reference}`, ({ arm, hr10 }) => (arm === reference ? NONE : more(hr10))],
      ['NDCG@5', ({ ndcg5 }) => withInterval(ndcg5.a, plain(4))],
      ['NDCG@10', ({ ndcg10 }) => withInterval(ndcg10.a, plain(4))],
      [`over ${reference}`, ({ arm, ndcg10 }) => (arm === reference ? NONE : more(ndcg10))],
    ],
    arms,
  )
