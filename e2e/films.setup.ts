/** Real data take a minute to prepare: it begins with the first tests, for the last. */
import { test } from 'playwright/test'
import { shared } from './host.ts'

test('a server has imported, prepared and trained what the last tests need', async () => {
  test.setTimeout(600_000)
  await shared('films')
})
