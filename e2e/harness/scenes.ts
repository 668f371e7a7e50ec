/** States of a device, always the same ones: what the page shows of them can be compared from run to run. */
import type { Catalogue } from '../../shared/catalogue.ts'
import type { Failure } from '../../shared/error.ts'
import type { Round, Status } from '../../shared/protocol.ts'
import { seeded } from '../../shared/random.ts'
import { PROTOCOL_VERSION } from '../../shared/version.ts'

export interface Scene {
  readonly version: number
  /** What it says of itself; null: nothing yet. */
  readonly status: Status | null
  /** Its items are ranked in this order; null: it has none. */
  readonly catalogue: Catalogue | null
  /** What becomes of every call. */
  readonly failure: Failure | null
}

/** 21 November 2026, 10:00 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 10)
const HOUR = 3_600_000

const things = ['The tide table', 'A night train', 'Salt-proof roses', 'The last connection', 'Rye at dawn']
const turns = [
  'and why nobody reads it any more',
  'in winter',
  'as told by the people who were there on the longest night of that year',
  'revisited',
]

function catalogueOf(
  name: string,
  noun: string,
  categories: string[],
  title: (i: number) => string,
): Catalogue {
  const items = Array.from({ length: 60 }, (_, i) => ({
    key: `k${i}`,
    title: title(i),
    categories:
      categories.length < 2 ? [0] : [...new Set([i % categories.length, (i * i) % categories.length])],
  }))
  return { name, noun, categories, items }
}

const topics = [
  'Tidal gardening',
  'Night trains',
  'Bread',
  'Lighthouses',
  'Small maps',
  'Moss',
  'Chess in parks',
]
const genres = ['Drama', 'Comedy', 'Film-Noir', 'Children’s', 'Documentary', 'Western']
/** As of the three sources that the README names. */
export const catalogues = {
  demo: catalogueOf('demo', 'story', topics, (i) => `${things[i % 5]} ${turns[i % 4]}`),
  films: catalogueOf('MovieLens', 'film', genres, (i) => `${things[(i * 3) % 5]}, The Film (${1950 + i})`),
  articles: catalogueOf('Globo.com', 'article', ['news'], (i) => `Article ${119_592 + 97 * i}`),
}

const model = (slot: 'M' | 'M0', version: number, sha256: string, at: number) => ({
  ...{ name: 'ranking', slot, version, sha256, bytes: 182_340, at },
})
const shared = model('M', 3, 'a1b2c3d4'.repeat(8), NOW - 26 * HOUR)
const own = model('M', 4, '5e6f7a8b'.repeat(8), NOW - HOUR)

const fresh: Status = {
  device: 'd-1',
  online: true,
  task: { name: 'demo', version: 3 },
  tasks: ['filter', 'rank', 'train'].map((name) => ({ name, version: 1 })),
  arms: [],
  engine: null,
  events: { waiting: 3, delivered: 21 },
  samples: { local: 24, clicks: 4, matched: 0, filtered: 0 },
  models: [shared, { ...shared, slot: 'M0' }],
  serving: { slot: 'M', version: 3, sha256: shared.sha256 },
  run: { phase: 'idle' },
  waitingFor: { reason: 'clicks', missing: 6 },
  learning: true,
  sharing: { on: true, told: true },
  persistent: null,
  leads: true,
  rounds: [],
  failure: null,
  bytes: { down: 412_000, up: 18_400 },
  traffic: { artifacts: { down: 380_000, up: 900 }, events: { down: 2_000, up: 15_500 } },
}

/** Scores of a classifier that lets two thirds pass, and losses that fall. */
function curves() {
  const random = seeded(5)
  const scores = Array.from({ length: 240 }, (_, i) => Math.min(1, i / 300 + 0.3 * random.next()))
  const losses = Array.from({ length: 96 }, (_, i) => 0.45 + 0.3 * Math.exp(-i / 30) + 0.06 * random.next())
  return { scores, losses }
}

const round: Round = {
  at: NOW - HOUR,
  outcome: 'committed',
  engine: 'fused-wasm',
  ms: 1830,
  bytes: 9_800,
  matched: 240,
  classifying: 96,
  scored: 240,
  kept: 152,
  ...curves(),
  sigma: 0.45,
  local: { training: 148, validation: 37 },
  steps: 96,
  stepsKept: 64,
  before: 0.628,
  after: 0.672,
  course: Array.from({ length: 7 }, (_, i) => ({
    ...{ step: 16 * i, auc: 0.628 + 0.048 * Math.sin(i / 2.4), loss: 0.52 - 0.03 * Math.sin(i / 2.2) },
  })),
  differences: [
    { of: 'opened', name: 'Night trains', own: 0.42, borrowed: 0.11, gap: 0.9 },
    { of: 'affinity', name: '', own: 0.36, borrowed: 0.19, gap: 0.55 },
    { of: 'shown', name: 'Bread', own: 0.08, borrowed: 0.17, gap: -0.4 },
    { of: 'clicked', name: '', own: 0.34, borrowed: 0.28, gap: 0.13 },
  ],
  memory: 6_400_000,
}

const learnt: Status = {
  ...fresh,
  engine: 'fused-wasm',
  events: { waiting: 0, delivered: 246 },
  samples: { local: 185, clicks: 31, matched: 240, filtered: 152 },
  models: [own, { ...shared, slot: 'M0' }],
  serving: { slot: 'M', version: 4, sha256: own.sha256 },
  waitingFor: { reason: 'tomorrow' },
  persistent: true,
  rounds: [
    round,
    { ...round, at: NOW - 25 * HOUR, outcome: 'kept', before: 0.641, after: 0.637, kept: 61 },
    {
      ...{
        ...round,
        at: NOW - 49 * HOUR,
        outcome: 'failed',
        before: null,
        after: null,
        losses: [],
        scores: [],
      },
      failure: { code: 'engine', message: 'No engine could run the work.' },
    },
  ],
}

const scene = (status: Status | null, more: Partial<Scene> = {}): Scene => ({
  version: PROTOCOL_VERSION,
  status,
  catalogue: catalogues.demo,
  failure: null,
  ...more,
})

export const scenes = {
  fresh: scene(fresh),
  learnt: scene(learnt),
  training: scene({ ...learnt, run: { phase: 'training', fraction: 0.4 } }),
  'without a network': scene({ ...learnt, online: false, waitingFor: { reason: 'network' } }),
  'switched off': scene({ ...learnt, learning: false, waitingFor: { reason: 'paused' } }),
  starting: scene(null, { catalogue: null }),
  preparing: scene({ ...fresh, task: null, models: [], serving: null }, { catalogue: null }),
  stranded: scene(
    { ...fresh, online: false, task: null, device: null, models: [], serving: null },
    { catalogue: null },
  ),
  failed: scene(
    { ...fresh, failure: { code: 'storage', message: 'This browser could not open its database.' } },
    { catalogue: null, failure: { code: 'storage', message: 'This browser could not open its database.' } },
  ),
  films: scene({ ...learnt, task: { name: 'MovieLens', version: 3 } }, { catalogue: catalogues.films }),
  articles: scene({ ...learnt, task: { name: 'Globo.com', version: 3 } }, { catalogue: catalogues.articles }),
} satisfies Record<string, Scene>
export type SceneName = keyof typeof scenes
