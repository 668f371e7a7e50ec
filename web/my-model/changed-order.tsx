/** How the order of the feed has changed since the delivered model. */
import { useEffect, useState } from 'preact/hooks'
import type { CallOutput, DeviceApi } from '../../shared/protocol.ts'
import type { Feed } from '../feed/feed.ts'
import { namesOf } from '../feed/name.ts'
import { Panel } from '../parts.tsx'
import { number } from '../phrases.ts'
import { itemHref } from '../route.ts'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'
import { movesOf } from './order.ts'

/** Items that are drawn. */
const SHOWN = 10

/** Nothing, where the delivered model ranks the feed or there is none. */
export function ChangedOrder({ device, feed }: { device: Pick<DeviceApi, 'compare'>; feed: Feed }) {
  const state = useStore(feed.state)
  const ready = state.phase === 'ready' ? state : null
  const [comparison, setComparison] = useState<CallOutput<'compare'> | null>(null)
  useEffect(() => {
    if (!ready) return
    let current = true
    const items = ready.ranked.map(({ item }) => item.key)
    device.compare({ items }).then(
      (answer) => current && setComparison(answer),
      () => {}, // what cannot be compared is not shown
    )
    return () => {
      current = false
    }
  }, [ready?.serving.sha256, ready?.ranked])
  if (!ready || !comparison?.delivered) return null
  const moves = movesOf(comparison.now, comparison.delivered, SHOWN)
  const titleOf = namesOf(ready.catalogue)
  const risen = moves.filter(({ before }) => before > moves.length).length
  return (
    <Panel title={t.myModel.order}>
      <p>{t.myModel.orderAbout(risen, moves.length, ready.catalogue.noun)}</p>
      <div class="slope" data-testid="order">
        <p class="slope-head quiet" aria-hidden="true">
          <span>{t.myModel.placeDelivered}</span>
          <span>{t.myModel.placeNow}</span>
        </p>
        <ul class="slope-from" aria-hidden="true">
          {[...moves]
            .sort((a, b) => a.from - b.from)
            .map(({ item, before }) => (
              <li key={item}>{number(before)}</li>
            ))}
        </ul>
        <svg viewBox={`0 0 10 ${moves.length}`} preserveAspectRatio="none" aria-hidden="true">
          {moves.map(({ item, now, before, from }) => (
            <path
              key={item}
              class={now < before ? 'up' : now > before ? 'down' : 'same'}
              d={`M0 ${from + 0.5}C4 ${from + 0.5} 6 ${now - 0.5} 10 ${now - 0.5}`}
            />
          ))}
        </svg>
        <ol class="slope-to">
          {moves.map(({ item, now, before }) => (
            <li key={item}>
              <a href={itemHref(item)}>
                <span class="slope-title">{titleOf(item)}</span>
                <span class="quiet">{now === before ? t.myModel.stayed : t.myModel.was(before)}</span>
              </a>
            </li>
          ))}
        </ol>
      </div>
    </Panel>
  )
}
