import type { Feed } from '../feed/feed.ts'
import { ViewTitle } from '../parts.tsx'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'

/** One item of the catalogue. */
export function ItemView({ feed, item: key }: { feed: Feed; item: string }) {
  const state = useStore(feed.state)
  const item = state.phase === 'ready' ? state.catalogue.items.find((one) => one.key === key) : undefined
  return (
    <>
      <ViewTitle>{item?.title ?? t.item.title}</ViewTitle>
      {state.phase === 'ready' && !item && <p>{t.item.gone}</p>}
      <p>
        <a href="#/">{t.item.back}</a>
      </p>
    </>
  )
}
