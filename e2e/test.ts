/** Tests of the app: each has a person in front of it. */
import { test as base } from 'playwright/test'
import { shared } from './host.ts'
import { Person } from './person.ts'

export { expect, type Page } from 'playwright/test'

interface Here {
  /** Somebody who has not been here before. */
  person: Person
}
export interface Everywhere {
  /** Which of the shared servers the app is of. */
  site: 'demo' | 'films'
  /** Whether nothing else runs beside these tests, so that times can be told. */
  quiet: boolean
  /** The app's address. */
  url: string
}

export const test = base.extend<Here, Everywhere>({
  site: ['demo', { option: true, scope: 'worker' }],
  quiet: [false, { option: true, scope: 'worker' }],
  url: [async ({ site }, use) => use((await shared(site)).url), { scope: 'worker', timeout: 600_000 }],
  person: async ({ page, url }, use) => use(new Person(page, url)),
})
