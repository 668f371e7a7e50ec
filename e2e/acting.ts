/** A device that acts: in a page, in place of the device worker, it says and answers what a scene has. */
import type { Page } from 'playwright/test'
import type { Scene } from './harness/scenes.ts'

/** Whatever the page starts as its device from now on acts `scene`. */
export async function act(page: Page, scene: Scene): Promise<void> {
  await page.addInitScript(becomeActor, scene)
}

function becomeActor({ version, status, catalogue, failure }: Scene): void {
  const keys = catalogue?.items.map(({ key }) => key) ?? []
  const serving = status?.serving
  const scored = (items: readonly string[]) =>
    [...items]
      .sort((a, b) => keys.indexOf(a) - keys.indexOf(b))
      .map((item, i) => ({ item, score: 0.31 / (1 + i / 10) }))
  const why = (item: string) => ({
    item,
    score: 0.31,
    clicks: [3, 11, 20, 34].map((at, i) => ({
      item: keys[at]!,
      weight: 0.8 / (i + 1) - 0.15,
      effect: 0.4 / (i + 1) - 0.12,
    })),
    because: keys.indexOf(item) % 2 ? { kind: 'click', item: keys[3]! } : { kind: 'category', category: 0 },
  })
  const sample = (i: number) => ({
    ...{ id: `s${i}`, item: keys[i]!, at: 1_795_255_200_000 - i * 600_000, clicked: i % 3 === 0 },
    ...{ use: (['training', 'validation', 'none'] as const)[i % 3]!, score: null },
  })
  const erased = { events: 246, samples: 425, models: 2, rounds: 3 }

  const answers: Record<string, (input: { items: string[] }) => unknown> = {
    catalogue: () => catalogue,
    status: () => status,
    rank: ({ items }) => ({ ranked: scored(items), serving }),
    why: ({ items }) => ({ serving, items: items.map(why) }),
    compare: ({ items }) => ({
      serving,
      now: scored(items),
      delivered: serving?.version === 4 ? scored(items).map((_, i, all) => all[(i * 7) % all.length]!) : null,
    }),
    samples: () => ({ rows: [0, 1, 2, 3, 4, 5].map(sample), next: 's5' }),
    inspect: () => ({
      features: [
        { name: 'clicks', values: keys.slice(0, 5) },
        { name: 'affinity', values: [0.25] },
      ],
    }),
    forget: () => ({ here: erased, server: { events: 246, samples: 185, mappings: 12 }, owed: false }),
    erase: () => ({ erased: 1 }),
  }

  class Actor extends EventTarget {
    constructor() {
      super()
      queueMicrotask(() => {
        this.say({ type: 'ready', version })
        if (status) this.say({ type: 'news', id: null, news: status })
      })
    }
    say(data: unknown): void {
      this.dispatchEvent(new MessageEvent('message', { data }))
    }
    postMessage({ type, id, name, input }: { type: string; id: number; name: string; input: never }): void {
      if (type !== 'call') return
      const waits = catalogue === null && !failure && (name === 'catalogue' || name === 'rank')
      if (waits) return
      queueMicrotask(() =>
        this.say(
          failure && name in answers
            ? { type: 'failed', id, failure }
            : { type: 'done', id, output: answers[name]?.(input) ?? null },
        ),
      )
    }
    terminate(): void {}
  }
  Object.assign(globalThis, { Worker: Actor })
}
