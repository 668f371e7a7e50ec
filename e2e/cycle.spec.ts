/** The story of everyone's first hour, told on every device. */
import { expectForgotten } from './forgotten.ts'
import { watchStalls } from './stalls.ts'
import { expect, test } from './test.ts'

/** From the tenth click to the first committed model (ms): the promise to a new visitor on a machine of two cores. */
const FIRST_MODEL_MS = 30_000
/** Longest that the page may be blocked by what it does itself (ms). */
const BLOCKED_MS = 50

test('a new visitor’s clicks train a model on their own device, which ranks from then on, offline too, until they are forgotten', async ({
  person,
  page,
  context,
  quiet,
}, info) => {
  await test.step('the first visit gets a feed ranked by the delivered model', async () => {
    await person.visit()
    expect((await person.storedModels()).map(({ slot }) => slot).sort()).toEqual(['M', 'M0'])
    expect(await person.hashes()).toHaveLength(1)
  })
  const [delivered] = await person.hashes()
  const feedBefore = await person.feed()

  const tenthClick = await test.step('the person opens ten items', async () => {
    await person.openItems(10)
    return Date.now()
  })
  const stalls = watchStalls()

  await test.step('events are delivered, batches come, the classifier filters, the ranking model is trained', async () => {
    await person.goTo('My model')
    const { kept, before, after } = await person.committedRound()
    const ms = Date.now() - tenthClick
    info.annotations.push({ type: 'first model', description: `${ms} ms` })
    console.log(
      `  ${info.project.name}: first personal model ${(ms / 1000).toFixed(1)} s after the tenth click`,
    )
    if (quiet) expect(ms, 'from the tenth click to the first personal model').toBeLessThan(FIRST_MODEL_MS)
    expect(Number(kept), 'samples that the classifier kept').toBeGreaterThan(0)
    expect(Number(after)).toBeGreaterThan(Number(before))
    await expect(page.getByTestId('events-waiting')).toHaveText('0')
    // Ten clicks and at least as many exposures reached the server.
    expect(Number(await page.getByTestId('events-delivered').textContent())).toBeGreaterThanOrEqual(20)
  })

  await test.step('the network is gone; a round that goes on comes to its end', async () => {
    await context.setOffline(true)
    await expect(page.getByTestId('status')).toHaveAttribute('data-phase', 'idle', { timeout: 90_000 })
  })

  const own = await test.step('on the disk M is new, whole, and M0 is what was delivered', async () => {
    const stored = new Map((await person.storedModels()).map((model) => [model.slot, model]))
    expect([...stored.keys()].sort()).toEqual(['M', 'M0'])
    expect(stored.get('M')!.sha256).not.toBe(delivered)
    expect(stored.get('M')!.actual).toBe(stored.get('M')!.sha256)
    expect(stored.get('M0')!.actual).toBe(delivered)
    return stored.get('M')!.sha256
  })

  if (quiet)
    await test.step('the round never blocked the page for more than 50 ms', async () => {
      const tasks = await person.longTasks(tenthClick)
      expect(tasks.filter(({ at, ms }) => ms - stalls.within(at, at + ms) > BLOCKED_MS)).toEqual([])
    })
  stalls.stop()

  const feedAfter = await test.step('the same items are in the feed, in another order', async () => {
    await person.goTo('Feed')
    await expect(page.getByTestId('serving')).toHaveAttribute('data-sha256', own)
    const feed = await person.feed()
    expect([...feed].sort()).toEqual([...feedBefore].sort())
    expect(feed).not.toEqual(feedBefore)
    return feed
  })

  await test.step('without a network the app starts and the personal model ranks', async () => {
    await page.evaluate(() => navigator.serviceWorker.ready)
    await page.reload()
    await person.feedIsRanked()
    expect(await person.feed()).toEqual(feedAfter)
    await expect(page.getByTestId('serving')).toHaveAttribute('data-sha256', own)
    await context.setOffline(false)
  })

  await test.step('“Forget everything” erases this device and its part of the server, and says so', async () => {
    await person.goTo('My model')
    await expect(page.getByTestId('events-waiting')).toHaveText('0')
    const sent = Number(await page.getByTestId('events-delivered').textContent())
    expect(sent).toBeGreaterThan(0)
    expectForgotten(await person.forget(), sent)
    await person.goTo('My model')
    await expect(page.getByTestId('samples-clicks')).toHaveText('0')
    await expect.poll(() => person.hashes()).toEqual([delivered])
  })
})
