/** A change of what devices learn, from its first line to its end: as who runs the server sees it, and two people with a phone and a computer. */
import { becomeVictim as askable } from './attacks/victim.ts'
import { ask, CREDENTIAL, Operator, startWithOperator } from './operator.ts'
import { profile } from './profiles.ts'
import { expect, test } from './test.ts'

/** The worst first; and it cannot do with somebody who has opened anything. */
const SECOND = `
export async function run({ samples }) {
  const own = await samples.read('local-validation')
  if (own.ids.length > 0) throw new Error('nothing may have been opened')
  const { scores } = await samples.read('candidates')
  samples.rank(scores.map((score) => -score))
}`
const draft = {
  ...{ name: 'rank', description: 'The worst first.', context: 1, hyper: {} },
  triggers: [{ on: 'call', name: 'rank' }],
  eligibility: { minBattery: 0, charging: false, onDataSaver: true, whileHidden: 'always' },
  budget: { ms: 250, runsPerDay: 10_000, duty: 1, modelBytes: 0, logBytes: 0 },
  samples: ['candidates', 'local-validation'],
  models: { reads: [], writes: [] },
}

test('a second version goes to a fifth, fails there, and is rolled back: nobody is ever without a feed', async ({
  browser,
}) => {
  test.setTimeout(300_000)
  const server = await startWithOperator()
  const contexts = await Promise.all(
    [profile('pixel'), profile('desktop'), profile('desktop')].map((one) =>
      browser.newContext({ ...one, locale: 'en-GB' }),
    ),
  )
  try {
    const [phone, computer, desk] = await Promise.all(contexts.map((context) => context.newPage()))
    const [ada, bob] = await Promise.all([phone!, computer!].map((page) => askable(page, server.url)))
    const operator = new Operator(desk!, server.url)
    for (const page of [phone!, computer!, desk!]) page.setDefaultTimeout(30_000)

    /**
     * What the device says of the first items of the catalogue: by which version, and in which order. Where the machine stalls for a
     * quarter of a second a version is too late for once, and none has its say.
     */
    async function ranking(of: typeof ada) {
      const { output: catalogue } = (await of!.call('catalogue')) as { output: { items: { key: string }[] } }
      const items = catalogue.items.slice(0, 30).map(({ key }) => key)
      const { output } = (await of!.call('rank', { items })) as {
        output: { ranked: { item: string }[]; by: { task: string; version: number } | null }
      }
      return { version: output.by?.version ?? null, order: output.ranked.map(({ item }) => item) }
    }
    const version = async (of: typeof ada) => (await ranking(of)).version

    await test.step('both begin with the first version', async () => {
      for (const one of [ada!, bob!]) {
        await one.person.visit()
        await expect.poll(() => version(one)).toBe(1)
      }
    })
    const first = (await ranking(ada)).order
    expect((await ranking(bob)).order).toEqual(first)

    await test.step('the second is submitted and approved', async () => {
      await ask(`${server.url}/api/admin/tasks`, CREDENTIAL, {
        ...{ draft, script: SECOND, who: 'Grace', why: 'for a change' },
      })
      await ask(`${server.url}/api/admin/tasks/rank/2`, CREDENTIAL, {
        ...{ action: 'approve', who: 'Grace', why: 'read it' },
      })
    })

    await test.step('it is tried on paper, and goes to a fifth of the devices', async () => {
      const [there, elsewhere] = await Promise.all([deviceOf(ada!), deviceOf(bob!)])
      const salt = await saltFor(server.url, there, elsewhere)
      await operator.open()
      await operator.signIn()
      await desk!.getByRole('link', { name: 'Release a version' }).click()
      await desk!.getByLabel('Task', { exact: true }).selectOption('rank')
      await desk!.getByLabel('Version', { exact: true }).selectOption('v2')
      await desk!.getByLabel('By a rule').check()
      await desk!.getByLabel('Rule, as JSON').fill(JSON.stringify({ bucket: { salt, from: 0, to: 20 } }))
      await desk!.getByLabel('Percent, stage 1').fill('100')
      await desk!.getByRole('button', { name: 'See what it would do' }).click()
      await expect(operator.trial).toContainText('Would reach 1 of 2 known devices.')
      await expect(operator.trial).toContainText('rank: v1 → v2 on 1 device')
      await expect.poll(() => version(ada), 'a dry run changes nothing').toBe(1)
      await operator.confirm('Release it', 'a fifth first')
    })

    await test.step('at their next visit one has the second and the other the first', async () => {
      for (const one of [ada!, bob!]) await one.person.visit()
      await expect.poll(() => ranking(ada)).toEqual({ version: 2, order: [...first].reverse() })
      await expect.poll(() => ranking(bob)).toEqual({ version: 1, order: first })
    })

    await test.step('somebody opens something: it fails, and the feed is there all the same', async () => {
      await ada!.person.openItems(3)
      await phone!.reload()
      await ada!.person.feedIsRanked()
      await expect.poll(async () => (await ranking(ada)).version, { timeout: 60_000 }).toBe(null)
      expect((await ranking(ada)).order).not.toEqual([...first].reverse())
      await phone!.reload()
      await ada!.person.feedIsRanked()
      await operator.goTo('Health')
      await expect(async () => {
        await desk!.reload()
        await expect(desk!.getByTestId('health-rank-2')).toContainText(/failed/i, { timeout: 2000 })
      }).toPass({ timeout: 60_000 })
    })

    await test.step('it is rolled back in two presses, while one of them is in a tunnel', async () => {
      await contexts[0]!.setOffline(true)
      await operator.goTo('Releases')
      await operator.release('rank', 2).getByRole('button', { name: 'Roll back v2' }).click()
      await expect(operator.trial).toContainText('rank: v2 → v1 on 1 device')
      await operator.dialog.getByRole('button', { name: 'Roll back v2' }).click()
      await expect(operator.release('rank', 2)).toHaveCount(0)
      await phone!.reload()
      await ada!.person.feedIsRanked()
      expect((await ada!.state()).tasks).toContain('rank 2')
    })

    await test.step('at their next contact both have the first', async () => {
      await contexts[0]!.setOffline(false)
      for (const one of [ada!, bob!]) {
        await one.person.page.reload()
        await one.person.feedIsRanked()
        await expect.poll(async () => (await one.state()).tasks).toContain('rank 1')
        await expect.poll(() => version(one)).toBe(1)
      }
    })
  } finally {
    await Promise.all(contexts.map((context) => context.close()))
    await server.remove()
  }
})

/** What the server calls this device. */
async function deviceOf({ call }: Awaited<ReturnType<typeof askable>>): Promise<string> {
  const { output } = (await call('status')) as { output: { device: string } }
  return output.device
}

/** One by which the first device is in a fifth of all, and the other is not: as the server says when it is asked on paper. */
async function saltFor(url: string, there: string, elsewhere: string): Promise<string> {
  const hit = async (device: string, salt: string) => {
    const rule = { all: [{ bucket: { salt, from: 0, to: 20 } }, { devices: [device] }] }
    const order = { type: 'release', task: 'rank', version: 2, rule, stages: [{ percent: 100 }] }
    const trial: { hit: number } = await ask(`${url}/api/admin/releases/dry-run`, CREDENTIAL, { order })
    return trial.hit === 1
  }
  for (let n = 0; n < 100; n++)
    if ((await hit(there, `salt-${n}`)) && !(await hit(elsewhere, `salt-${n}`))) return `salt-${n}`
  throw new Error('No salt has one in and the other out.')
}
