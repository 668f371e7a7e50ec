/** What an experiment has found, as its report tells it. */
import type { Metric } from '../../cli/report.ts'
import type { Estimate } from '../statistics/bootstrap.ts'
import type { ArmFindings } from '../statistics/ctr.ts'
import type { RankedFindings } from '../statistics/ranked.ts'
import type { Provenance } from './provenance.ts'

interface Told {
  readonly provenance: Provenance
  /** The figures that the command prints; `detail.ci95` is their interval. */
  readonly metrics: readonly Metric[]
  /** What a reader must know, a sentence each: what was left out, what is not as in the paper. */
  readonly notes: readonly string[]
}

/** `kindred experiment ctr`. */
export interface CtrReport extends Told {
  readonly what: 'ctr'
  readonly reference: string
  /** How many candidates of a day the replay shows. */
  readonly top: number
  readonly arms: readonly ArmFindings[]
}

/** `kindred experiment loo`. */
export interface LooReport extends Told {
  readonly what: 'loo'
  readonly reference: string
  readonly protocols: readonly LooProtocol[]
}

export interface LooProtocol {
  /** As “100 uniform negatives”. */
  readonly title: string
  readonly arms: readonly RankedFindings[]
  /** Others' figures under the same protocol on the same data. */
  readonly published: readonly Published[]
}

/** A model's figures as its paper has them. */
export interface Published {
  readonly model: string
  readonly hr10: number
  readonly ndcg10: number
  readonly source: string
  readonly url?: string
}

/** `kindred experiment fresh`. */
export interface FreshReport extends Told {
  readonly what: 'fresh'
  readonly reference: string
  readonly arms: readonly RankedFindings[]
  /** The same on the clicks on articles of one age each, from the youngest. */
  readonly ages: readonly { readonly title: string; readonly arms: readonly RankedFindings[] }[]
  /** HR@10 day by day. */
  readonly days: readonly { readonly day: number; readonly arms: readonly ArmOfDay[] }[]
}

export interface ArmOfDay {
  readonly arm: string
  readonly hr10: Estimate
}

export type Findings = CtrReport | LooReport | FreshReport
