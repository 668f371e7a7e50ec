/** What axe has to say of a page. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright/test'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** WCAG 2.2, levels A and AA. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

interface Found {
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[]
  passes: unknown[]
}

/** Each violation, with the first few places where it is. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source)
  const found = await page.evaluate(
    (tags) =>
      (window as unknown as { axe: { run(document: Document, options: object): Promise<Found> } }).axe.run(
        document,
        { runOnly: tags, resultTypes: ['violations'] },
      ),
    TAGS,
  )
  if (found.passes.length < 5) throw new Error('axe found next to nothing to look at.')
  return found.violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}: ${nodes.length} × ${nodes
        .slice(0, 3)
        .map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary?.replace(/\s+/g, ' ')})`)
        .join(' · ')}`,
  )
}
