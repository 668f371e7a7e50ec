/** What a device would have let go by now, had it been there all along while its user did this. */
import type { KindredEvent } from '../../shared/event.ts'
import type { Hyper } from '../../shared/hyper.ts'

/**
 * The newest exposure that was cut away, if any was. A device cuts its samples to the newest half whenever there are more than
 * `maxLocal`, so after a long life it has between half and all of them; one that is given that life at once would have half.
 * An exposure is a sample once it is settled, or clicked, or passed over before a click (`worker/device/samples/samples.ts`).
 */
export function cutOf(
  events: readonly KindredEvent[],
  { maxLocal, settleMs }: Pick<Hyper, 'maxLocal' | 'settleMs'>,
): string | undefined {
  /** Exposures since the cut: those that are samples, and those that are not yet. */
  let samples: string[] = []
  let open: { id: string; at: number }[] = []
  let cut: string | undefined
  for (const { type, id, at } of events) {
    if (type === 'exposure') open.push({ id, at })
    const isSample = (shown: { at: number }) => type === 'click' || at - shown.at >= settleMs
    samples.push(...open.filter(isSample).map(({ id }) => id))
    open = open.filter((shown) => !isSample(shown))
    if (samples.length <= maxLocal) continue
    const left = Math.floor(maxLocal / 2)
    cut = samples.at(-left - 1)
    samples = samples.slice(-left)
  }
  return cut
}
