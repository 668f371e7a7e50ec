/** docs/privacy.md tells of the settings as they are, and of the words as they stand on the page. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { WORDS } from '../consent.ts'
import { privacy } from './settings.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const page = read('docs/privacy.md')

it('lists every setting with its default', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\S+) \|/gm)].map(([, name, value]) => [name, value])
  expect(rows).toEqual(Object.entries(privacy()).map(([name, value]) => [name, String(value)]))
})

it('quotes the words of consent, by their version', () => {
  const [, words, version] = /“([^”]+)”: version (\d+) of the words/.exec(page)!
  expect(Number(version)).toBe(WORDS)
  expect(read('web/strings/en.ts')).toContain(`share: '${words}'`)
})
