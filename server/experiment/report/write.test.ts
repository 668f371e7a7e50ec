import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseHTML } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { seeded } from '../../../shared/random.ts'
import { bootstrap } from '../statistics/bootstrap.ts'
import { ctrFindings } from '../statistics/ctr.ts'
import { madeUpRows } from '../statistics/kit.ts'
import { rankedFindings } from '../statistics/ranked.ts'
import type { CtrReport, Findings, FreshReport, LooReport } from './findings.ts'
import { provenance } from './provenance.ts'
import { MOVIELENS_UNIFORM_100 } from './published.ts'
import { isMet } from './words.ts'
import { reportPage, writeReport } from './write.ts'

const boot = bootstrap({ resamples: 100 })
const told = {
  provenance: provenance(
    { data: 'made up', who: '40 made-up users & <nobody> else.', seeds: [1, 2], minutes: 1.25 },
    ['kindred', 'experiment', 'ctr', '--data', "movielens:it's here"],
  ),
  metrics: [
    {
      metric: 'ctr.kindred_vs_cloud_pct',
      value: 4.123456,
      unit: '%',
      target: '>=4',
      detail: { ci95: [3.1, 5.2] },
    },
    { metric: 'ctr.kindred_worse_share', value: 0.08, unit: '', target: '<=0.05' },
    { metric: 'ctr.minutes', value: null, unit: 'min', detail: { why: 'it was cut off' } },
  ],
  notes: ['Nothing here is real.'],
}
const rows = madeUpRows(
  { users: 40, seeds: [1, 2], skill: { cloud: 0.7, coda: 0.9, kindred: 1.4 } },
  seeded(3),
)
const ctr: CtrReport = {
  what: 'ctr',
  reference: 'cloud',
  top: 5,
  arms: ctrFindings(rows, { top: 5, bootstrap: boot }),
  ...told,
}
const judged = ['cloud', 'kindred'].flatMap((arm, better) =>
  Array.from({ length: 60 }, (_, i) => ({
    arm,
    seed: 1,
    user: `u${i}`,
    above: (i * 7) % (40 - 15 * better),
    tied: 0,
  })),
)
const arms = rankedFindings(judged, { reference: 'cloud', bootstrap: boot })
const loo: LooReport = {
  what: 'loo',
  reference: 'cloud',
  protocols: [{ title: '100 uniform negatives', arms, published: MOVIELENS_UNIFORM_100 }],
  ...told,
}
const fresh: FreshReport = {
  what: 'fresh',
  reference: 'cloud',
  arms,
  ages: [{ title: 'under a day', arms }],
  days: [1, 2].map((day) => ({ day, arms: arms.map(({ arm, hr10 }) => ({ arm, hr10: hr10.a })) })),
  ...told,
}
const kinds: [string, Findings][] = [
  ['ctr', ctr],
  ['loo', loo],
  ['fresh', fresh],
]
const pageOf = (findings: Findings) => parseHTML(reportPage(findings)).document

describe.each(kinds)('the report of %s', (_, findings) => {
  const page = pageOf(findings)

  it('needs nothing but itself: no script, nothing loaded', () => {
    expect(page.querySelectorAll('script, link, img, iframe, object, embed')).toHaveLength(0)
    expect(reportPage(findings)).not.toMatch(/@import|url\(/)
  })

  it('says where it comes from', () => {
    const text = page.querySelector('dl')!.textContent
    for (const word of ["'movielens:it'\\''s here'", process.version, 'made up', '1, 2', '1.3 minutes'])
      expect(text).toContain(word)
  })

  it('tells figures, targets and what was not measured', () => {
    const [first, second, third] = [...page.querySelectorAll('tbody')[0]!.querySelectorAll('tr')].map(
      ({ textContent }) => textContent,
    )
    expect(first).toContain('4.123 %3.1 … 5.2 %≥ 4met')
    expect(second).toContain('0.08≤ 0.05missed')
    expect(third).toContain('not measuredit was cut off')
  })

  it('every table has a caption, every plot words, and neither a figure that is none', () => {
    const tables = [...page.querySelectorAll('table')]
    expect(tables.every((table) => table.querySelector('caption')!.textContent !== '')).toBe(true)
    const plots = [...page.querySelectorAll('figure > svg')]
    expect(plots.length).toBeGreaterThan(0)
    expect(plots.every((plot) => plot.getAttribute('aria-label'))).toBe(true)
    expect(page.body.textContent).not.toMatch(/NaN|undefined|Infinity|\[object/)
    expect(reportPage(findings)).not.toContain('NaN')
  })

  it('takes words as words', () => {
    expect(page.querySelector('header')!.textContent).toContain('40 made-up users & <nobody> else.')
  })
})

describe('what stands in the tables', () => {
  const cellsOf = (page: ReturnType<typeof pageOf>, caption: string) => {
    const table = [...page.querySelectorAll('table')].find((one) =>
      one.querySelector('caption')!.textContent.startsWith(caption),
    )!
    return [...table.querySelectorAll('tbody tr')].map((row) =>
      [...row.querySelectorAll('th, td')].map(({ textContent }) => textContent),
    )
  }

  it('ctr: the arm’s AUC and what it is over the reference', () => {
    const { a, relativePct } = ctr.arms[2]!.auc
    const [cloud, , kindred] = cellsOf(pageOf(ctr), 'Ranking')
    expect(cloud![3]).toBe('–')
    expect(kindred![0]).toBe('kindred')
    expect(kindred![2]).toMatch(`${a.value.toFixed(4)}${a.ci95![0].toFixed(4)} … `)
    expect(kindred![3]).toContain(`+${relativePct!.value.toFixed(2)} %`)
  })

  it('loo: ours, and what others have published', () => {
    const page = pageOf(loo)
    expect(cellsOf(page, '100 uniform')[1]![5]).toContain(arms[1]!.hr10.a.value.toFixed(4))
    expect(cellsOf(page, 'What others')[1]!.slice(0, 3)).toEqual(['SASRec', '0.8245', '0.5905'])
  })
})

describe('writeReport', () => {
  it('writes the page and, beside it, all figures', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'kindred-report-')), 'new', 'folder')
    expect(readFileSync(writeReport(folder, ctr), 'utf8')).toBe(reportPage(ctr))
    const read = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'))
    expect(read).toEqual(JSON.parse(JSON.stringify(ctr)))
    expect(read.arms[2].gains).toHaveLength(ctr.arms[2]!.gains.length)
  })
})

describe('a target', () => {
  it('is met, missed, or no bound at all', () => {
    expect(isMet({ value: 4, target: '>=4' })).toBe(true)
    expect(isMet({ value: 3.999, target: '>=4' })).toBe(false)
    expect(isMet({ value: 0.05, target: '<=0.05' })).toBe(true)
    expect(isMet({ value: 0.051, target: '<=0.05' })).toBe(false)
    expect(isMet({ value: 1, target: 'as found' })).toBeUndefined()
    expect(isMet({ value: null, target: '>=4' })).toBeUndefined()
  })
})
