/** Two users of one browser, each with an account in the app around. */
import { createKindred } from '../kindred/index.js'

/** How many events each has after one of them did something, and the same one after coming back. */
export async function eventsApart(server) {
  const [anna, ben] = ['anna', 'ben'].map((account) => createKindred({ server, account }))
  await anna.track([
    { type: 'exposure', item: 'story-64' },
    { type: 'behaviour', name: 'waved' },
  ])
  const apart = { anna: await eventsOf(anna), ben: await eventsOf(ben) }
  await Promise.all([anna.close(), ben.close()])
  return { ...apart, annaAgain: await eventsOf(createKindred({ server, account: 'anna' })) }
}

async function eventsOf(kindred) {
  const { waiting, delivered } = (await kindred.status()).events
  return waiting + delivered
}

/** What becomes of a list where the worker lies on another site, as browsers forbid. */
export async function rankedByStranger(site) {
  const { order, by, failure } = await createKindred({ worker: `${site}/device.js` }).rank(['b', 'a'])
  return { order, by, code: failure?.code }
}
