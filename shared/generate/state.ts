/** One user as of one moment, and the samples of items that are shown to them then. */
import { FIRST_ID, UNKNOWN_ID, valueId } from '../catalogue.ts'
import { DAY_MS } from '../clock.ts'
import type { ItemContext, KindredEvent } from '../event.ts'
import { Recent } from '../recent.ts'
import { quantise, type Sample } from '../sample.ts'
import type { Feature, Slot } from '../schema.ts'
import { addItem, scaleOf } from '../sketch.ts'
import type { Context } from './context.ts'

/** Features that differ from item to item, and those that are the user's alone. */
const OF_ITEM = ({ from }: Feature): boolean => ITEM_SOURCES.has(from)
const OF_USER = (feature: Feature): boolean => !OF_ITEM(feature)
const ITEM_SOURCES: ReadonlySet<Feature['from']> = new Set([
  'item',
  'category',
  'categories',
  'affinity',
  'context',
])

/** What is known of one user at one moment: everything that a sample's features are computed from. */
export class UserState {
  private readonly clicks = new Recent<number>()
  private readonly exposures = new Recent<null>()
  private readonly behaviours = new Recent<string>()
  private readonly profile = new Map<string, string>()
  /** Clicks in each category; a click in n categories counts 1/n in each. */
  private readonly taste: Float64Array
  /** Of the clicked items that may be named: a sketch of few clicks tells which they were. */
  private readonly sketch: Int32Array
  private readonly context: Context

  constructor(context: Context) {
    this.context = context
    this.taste = new Float64Array(context.catalogue.categories.length)
    const sketches = context.layout.slots.filter(
      ({ feature }) => feature.from === 'sketch' && feature.halfLife === undefined,
    )
    this.sketch = new Int32Array(Math.max(0, ...sketches.map(({ width }) => width)))
  }

  /** Takes in an event; they must come in the order of their ids. */
  observe(event: KindredEvent): void {
    switch (event.type) {
      case 'exposure':
        this.exposures.push(event.at, null)
        return
      case 'click': {
        const item = this.context.index.get(event.item) ?? -1
        this.clicks.push(event.at, item)
        this.count(item, 1)
        return
      }
      case 'behaviour':
        this.behaviours.push(event.at, event.name)
        return
      case 'profile':
        this.profile.set(event.name, event.value)
        return
      default:
        event satisfies never
    }
  }

  /** The sample of `item` (its position in the catalogue) shown at `at` (ms), of which the app said `told`. */
  sample(item: number, at: number, label: 0 | 1, told?: ItemContext): Sample {
    const sample = this.ofUser(at)
    this.fill(sample, item, OF_ITEM, told)
    return { ...sample, label }
  }

  /**
   * The samples of many items shown at the same moment: what is the user's alone is computed once. `told[i]` is what the app
   * said of the i-th.
   */
  samples(items: readonly number[], at: number, told: readonly ItemContext[] = []): Sample[] {
    const shared = this.ofUser(at)
    return items.map((item, i) => {
      const sample = { ...shared, ids: shared.ids.slice(), dense: shared.dense.slice() }
      this.fill(sample, item, OF_ITEM, told[i])
      return sample
    })
  }

  /** What any item's sample has in common with those of all others. */
  private ofUser(at: number): Sample {
    const { layout, clickDays } = this.context
    const since = at - clickDays * DAY_MS
    this.clicks.dropBefore(since, (old) => this.count(old, -1))
    this.exposures.dropBefore(since)
    this.behaviours.dropBefore(since)
    const sample: Sample = {
      at,
      label: 0,
      ids: new Int32Array(layout.idWidth),
      dense: new Float32Array(layout.denseWidth),
    }
    this.fill(sample, -1, OF_USER)
    return sample
  }

  private fill(
    sample: Sample,
    item: number,
    which: (feature: Feature) => boolean,
    told: ItemContext = NOTHING_TOLD,
  ): void {
    for (const slot of this.context.layout.slots) {
      if (!which(slot.feature)) continue
      if (slot.feature.from === 'context') fillTold(slot, told, sample.dense)
      else if (slot.feature.kind === 'dense') this.fillDense(slot, item, sample.at, sample.dense)
      else this.fillIds(slot, item, sample.ids)
    }
  }

  private count(item: number, by: 1 | -1): void {
    const categories = this.context.catalogue.items[item]?.categories ?? []
    for (const category of categories) this.taste[category]! += by / categories.length
    if (item >= 0 && this.sketch.length > 0 && this.context.discretion.item(item))
      addItem(this.sketch, this.context.catalogue.items[item]!.key, by)
  }

  private itemId(item: number, size: number): number {
    return item >= 0 && this.context.discretion.item(item) ? valueId(item, size) : UNKNOWN_ID
  }

  private categoryId(category: number, size: number): number {
    return this.context.discretion.category(category) ? valueId(category, size) : UNKNOWN_ID
  }

  private listedId(vocabulary: string, value: string): number {
    const id = this.context.valueIds.get(vocabulary)?.get(value) ?? UNKNOWN_ID
    return id !== UNKNOWN_ID && this.context.discretion.value(vocabulary, id) ? id : UNKNOWN_ID
  }

  private fillIds({ feature, at, width }: Slot, item: number, ids: Int32Array): void {
    if (feature.kind === 'dense') throw new TypeError(`feature ${feature.name} is dense`)
    const { catalogue, schema } = this.context
    const { size } = schema.vocabularies[feature.vocabulary]!
    const categories = catalogue.items[item]?.categories ?? []
    switch (feature.from) {
      case 'item':
        ids[at] = this.itemId(item, size)
        return
      case 'category':
        ids[at] = this.categoryId(categories[0] ?? -1, size)
        return
      case 'profile':
        ids[at] = this.listedId(feature.vocabulary, this.profile.get(feature.name) ?? '')
        return
      case 'categories':
        for (let i = 0; i < Math.min(width, categories.length); i++)
          ids[at + i] = this.categoryId(categories[i]!, size)
        return
      case 'clicks':
        for (let i = 0; i < Math.min(width, this.clicks.length); i++)
          ids[at + i] = this.itemId(this.clicks.newest(i), size)
        return
      case 'behaviours':
        for (let i = 0; i < Math.min(width, this.behaviours.length); i++)
          ids[at + i] = this.listedId(feature.vocabulary, this.behaviours.newest(i))
        return
      default:
        feature satisfies never
    }
  }

  private fillDense({ feature, at, width }: Slot, item: number, now: number, dense: Float32Array): void {
    const put = (i: number, value: number) => {
      if (i < width) dense[at + i] = quantise(value)
    }
    const { discretion } = this.context
    const clicks = this.clicks.length
    switch (feature.from) {
      case 'taste':
        for (let i = 0; clicks > 0 && i < width; i++)
          if (discretion.category(i)) put(i, this.taste[i]! / clicks)
        return
      case 'affinity': {
        const all = this.context.catalogue.items[item]?.categories ?? []
        const categories = all.filter((category) => discretion.category(category))
        if (clicks === 0 || categories.length === 0) return
        const shares = categories.map((category) => this.taste[category]! / clicks)
        put(0, shares.reduce((sum, share) => sum + share, 0) / shares.length)
        put(1, Math.max(...shares))
        return
      }
      case 'activity':
        put(0, roughly(this.exposures.length))
        put(1, roughly(clicks))
        put(2, Math.round(16 * Math.min(1, clicks / Math.max(1, this.exposures.length))) / 16)
        return
      case 'behaviour-counts':
        this.fillBehaviourCounts(now, put)
        return
      case 'sketch': {
        const sketch = feature.halfLife === undefined ? this.sketch : this.fading(width, feature.halfLife)
        const scale = scaleOf(sketch, width)
        for (let i = 0; i < width; i++) put(i, sketch[i]! * scale)
        return
      }
      default:
        throw new TypeError(`feature ${feature.name} is not dense`)
    }
  }

  /** The sketch of the recent clicks, each counting half of one that is `halfLife` clicks newer. */
  private fading(width: number, halfLife: number): Float64Array {
    const { discretion, catalogue } = this.context
    const sum = new Float64Array(width)
    for (let i = 0; i < this.clicks.length; i++) {
      const weight = 0.5 ** (i / halfLife)
      if (weight < FAINT) break
      const item = this.clicks.newest(i)
      if (item >= 0 && discretion.item(item)) addItem(sum, catalogue.items[item]!.key, weight)
    }
    return sum
  }

  private fillBehaviourCounts(now: number, put: (i: number, value: number) => void): void {
    const counts = new Map<number, number>()
    for (const name of this.behaviours.since(now - DAY_MS)) {
      const id = this.listedId('behaviour', name)
      if (id !== UNKNOWN_ID) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const [id, count] of counts) put(id - FIRST_ID, roughly(count))
  }
}

/** A click that counts less than this is not seen in the sketch. */
const FAINT = 1 / 1024

const NOTHING_TOLD: ItemContext = []

function fillTold({ at, width }: Slot, told: ItemContext, dense: Float32Array): void {
  for (let i = 0; i < Math.min(width, told.length); i++) dense[at + i] = quantise(told[i]!)
}

/** ln(1 + count) in quarters, up to about a thousand: an exact count soon belongs to one person alone. */
const roughly = (count: number): number => Math.min(7, Math.round(4 * Math.log1p(count)) / 4)
