/** One item, large: what it is, why it stands where it does, and what is like it. */
import '../style/panels.css'
import '../style/item.css'
import { useEffect, useState } from 'preact/hooks'
import type { Catalogue, Item } from '../../shared/catalogue.ts'
import type { CallOutput, DeviceApi } from '../../shared/protocol.ts'
import { Topics } from '../feed/card.tsx'
import type { Feed, FeedState } from '../feed/feed.ts'
import { nameOf } from '../feed/name.ts'
import { Picture } from '../feed/picture.tsx'
import { Fault, ViewTitle } from '../parts.tsx'
import { itemHref } from '../route.ts'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'
import { similarTo, tellsApart } from './similar.ts'
import { Why } from './why.tsx'

type Ready = Extract<FeedState, { phase: 'ready' }>
type Reason = CallOutput<'why'>['items'][number]
type Comparison = CallOutput<'compare'>

/** Similar items that are shown. */
const SHOWN = 6

interface ItemViewProps {
  device: Pick<DeviceApi, 'why' | 'compare' | 'rank'>
  feed: Feed
  /** Its key. */
  item: string
}

/** `item` may have left the catalogue since the address was made. */
export function ItemView({ device, feed, item: key }: ItemViewProps) {
  const state = useStore(feed.state)
  const item = state.phase === 'ready' ? state.catalogue.items.find((one) => one.key === key) : undefined
  return (
    <article class="item" data-testid="item" data-item={key}>
      <p>
        <a class="back" href="#/">
          {t.item.back}
        </a>
      </p>
      {state.phase === 'ready' && item ? (
        <Whole device={device} feed={feed} state={state} item={item} />
      ) : (
        <>
          <ViewTitle>{t.item.title}</ViewTitle>
          {state.phase === 'ready' && <p>{t.item.gone}</p>}
          {state.phase === 'preparing' && <p class="quiet">{t.app.loading}</p>}
          {state.phase === 'failed' && <Fault failure={state.failure} retry={() => void feed.start()} />}
        </>
      )}
    </article>
  )
}

interface WholeProps {
  device: ItemViewProps['device']
  feed: Feed
  state: Ready
  item: Item
}

function Whole({ device, feed, state, item }: WholeProps) {
  const { catalogue, serving, opened, ranked } = state
  const { reason, comparison, similar } = useJudgement(device, state, item)
  return (
    <>
      <div class="item-head">
        <Picture item={item} catalogue={catalogue} />
        <div class="item-title">
          <ViewTitle>{nameOf(item, catalogue)}</ViewTitle>
          <Topics item={item} catalogue={catalogue} />
          <div class="item-act" role="status">
            {opened.has(item.key) ? (
              <p class="done">{t.item.opened}</p>
            ) : (
              <button type="button" class="button primary" onClick={() => feed.open(item.key)}>
                {t.item.open(catalogue.noun)}
              </button>
            )}
          </div>
        </div>
      </div>
      {state.trouble && <Fault failure={state.trouble} />}
      {reason && comparison && (
        <Why
          key={serving.sha256}
          catalogue={catalogue}
          item={item.key}
          inFeed={ranked.some((one) => one.item.key === item.key)}
          reason={reason}
          comparison={comparison}
        />
      )}
      <Similar
        catalogue={catalogue}
        title={tellsApart(catalogue, item) ? t.item.similar : t.item.others}
        items={similar}
      />
    </>
  )
}

interface Judgement {
  readonly reason: Reason | null
  readonly comparison: Comparison | null
  readonly similar: readonly Item[]
}

/**
 * What the device says of the item by the model that serves, asked anew when another does; all at once, that nothing moves
 * after it was drawn. What fails is not said.
 */
function useJudgement(device: ItemViewProps['device'], { catalogue, ranked, serving }: Ready, item: Item) {
  const [judgement, setJudgement] = useState<Judgement>({ reason: null, comparison: null, similar: [] })
  useEffect(() => {
    let current = true
    const orNull = <T,>(asked: Promise<T>): Promise<T | null> => asked.catch(() => null)
    // Next to the feed: what raises all of it alike is no reason.
    const among = [...new Set([item.key, ...ranked.map((one) => one.item.key)])]
    const like = similarTo(catalogue, item)
    void Promise.all([
      orNull(device.why({ items: among })),
      orNull(device.compare({ items: among })),
      like.length > 0 ? orNull(device.rank({ items: like })) : null,
    ]).then(([why, comparison, order]) => {
      if (!current) return
      const byKey = new Map(catalogue.items.map((one) => [one.key, one]))
      const similar = (order?.ranked ?? []).slice(0, SHOWN).map((one) => byKey.get(one.item)!)
      setJudgement({ reason: why?.items[0] ?? null, comparison, similar })
    })
    return () => {
      current = false
    }
  }, [item.key, serving.sha256])
  return judgement
}

/** The best of what is like it; nothing while that is not known. */
function Similar({
  catalogue,
  title,
  items,
}: {
  catalogue: Catalogue
  title: string
  items: readonly Item[]
}) {
  if (items.length === 0) return null
  return (
    <section class="similar">
      <h2>{title}</h2>
      <p class="quiet">{t.item.ranked}</p>
      <ul data-testid="similar">
        {items.map((item) => (
          <li key={item.key}>
            <a href={itemHref(item.key)}>
              <Picture item={item} catalogue={catalogue} />
              <span class="similar-title">{nameOf(item, catalogue)}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
