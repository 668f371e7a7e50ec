/** The story of everyone's first hour in the engines that phones have beside Chromium's: Gecko and WebKit. */
import { find, isRequired } from './browsers/find.js'
import { openTab } from './browsers/open.ts'
import { createVisitor } from './browsers/visitor.ts'
import { expectForgotten } from './forgotten.ts'
import { openSite } from './site.ts'
import { readModels } from './stored.ts'
import { expect, test } from './test.ts'

for (const kind of ['firefox', 'webkit'] as const)
  test(`${kind}: clicks train a model on the device, which ranks from then on, offline too, until it is forgotten`, async ({
    url,
  }) => {
    test.skip(!find(kind) && !isRequired(kind), `There is no ${kind} here, and none could be installed.`)
    const site = await openSite(url)
    const tab = await openTab(kind)
    const visitor = createVisitor(tab, site.url)
    try {
      const before = await test.step('the first visit gets a feed ranked by the delivered model', () =>
        visitor.visit())
      const models = await tab.perform(readModels)
      expect(models.map(({ slot }) => slot).sort()).toEqual(['M', 'M0'])
      const delivered = models[0]!.actual

      await test.step('ten items are opened, and a model is trained', async () => {
        await visitor.openItems(10)
        await visitor.goTo('my-model')
        const round = await visitor.facts('round', { outcome: 'committed' })
        expect(Number(round.kept)).toBeGreaterThan(0)
        expect(Number(round.after)).toBeGreaterThan(Number(round.before))
        console.log(`  ${tab.version}: a round on ${round.engine} in ${Math.round(Number(round.ms))} ms`)
        await visitor.facts('events-waiting', { value: '0' })
      })

      await test.step('the network is gone; a round that goes on comes to its end', async () => {
        await visitor.kept()
        site.cut()
        await visitor.facts('status', { phase: 'idle' })
      })

      const after = await test.step('the model is on the disk, and ranks', async () => {
        const stored = new Map((await tab.perform(readModels)).map((model) => [model.slot, model]))
        const { sha256, actual } = stored.get('M')!
        expect(actual).toBe(sha256)
        expect(sha256).not.toBe(delivered)
        expect(stored.get('M0')!.actual).toBe(delivered)
        await visitor.goTo('feed')
        await visitor.facts('serving', { slot: 'M', sha256 })
        const feed = await visitor.feed()
        expect([...feed].sort()).toEqual([...before].sort())
        expect(feed).not.toEqual(before)
        return feed
      })

      await test.step('without a network the app starts and ranks as it did', async () => {
        expect(await visitor.visit()).toEqual(after)
        site.mend()
      })

      await test.step('everything is forgotten, here and on the server', async () => {
        await visitor.goTo('my-model')
        await visitor.facts('events-waiting', { value: '0' })
        const { value: sent } = await visitor.facts('events-delivered')
        expect(Number(sent)).toBeGreaterThanOrEqual(20)
        await visitor.goTo('settings')
        expectForgotten(await visitor.forget(), Number(sent))
        await visitor.goTo('my-model')
        await visitor.facts('samples-clicks', { value: '0' })
      })
    } finally {
      await tab.close()
      await site.close()
    }
  })
