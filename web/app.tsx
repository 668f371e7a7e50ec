import type { FunctionComponent } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { DeviceApi, Status } from '../shared/protocol.ts'
import type { Feed } from './feed/feed.ts'
import { FeedView } from './feed/feed-view.tsx'
import type { Install } from './install.ts'
import type { MyModelProps } from './my-model/my-model.tsx'
import { Icon, Mark } from './parts.tsx'
import { liveStatus } from './phrases.ts'
import { type Store, useStore } from './store.ts'
import type { Updates } from './update.ts'

interface AppProps {
  device: DeviceApi
  feed: Feed
  install: Install
  updates: Updates
  status: Store<Status | null>
}

type View = 'feed' | 'my-model'
const viewOf = (hash: string): View => (hash === '#/my-model' ? 'my-model' : 'feed')

/** The page: a header that stays, and one of two views. */
export function App({ device, feed, install, updates, status: statusStore }: AppProps) {
  const status = useStore(statusStore)
  const view = useView()
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <Header view={view} status={status} install={install} />
      <main id="main" tabIndex={-1}>
        <Update updates={updates} status={status} />
        {view === 'feed' ? (
          <FeedView feed={feed} status={status} />
        ) : (
          <MyModelLater device={device} feed={feed} install={install} status={status} />
        )}
      </main>
    </>
  )
}

/** The view that the address names; each keeps its place on the page. */
function useView(): View {
  const [view, setView] = useState(viewOf(location.hash))
  const scrolled = useRef<Partial<Record<View, number>>>({})
  useEffect(() => {
    const change = () =>
      setView((old) => {
        scrolled.current[old] = scrollY
        return viewOf(location.hash)
      })
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  useLayoutEffect(() => {
    document.title = view === 'feed' ? 'Kindred' : 'My model · Kindred'
    scrollTo({ top: scrolled.current[view] ?? 0, behavior: 'instant' })
  }, [view])
  return view
}

function Header({ view, status, install }: { view: View; status: Status | null; install: Install }) {
  const { tone, text } = liveStatus(status)
  const offered = useStore(install.state) === 'offered'
  return (
    <header class="top">
      <a class="wordmark" href="#/" aria-label="Kindred">
        <Mark />
        <span aria-hidden="true">kindred</span>
      </a>
      <p
        class="live"
        data-tone={tone}
        data-testid="status"
        data-phase={status?.run.phase ?? 'starting'}
        data-waiting={status?.waitingFor.reason ?? ''}
        data-leads={status?.leads ?? false}
      >
        {text}
      </p>
      {offered && (
        <button type="button" class="button plain" onClick={() => void install.ask()}>
          <Icon name="install" /> Install
        </button>
      )}
      <nav class="tabs" aria-label="Views">
        <a href="#/" aria-current={view === 'feed' ? 'page' : undefined}>
          <Icon name="feed" /> Feed
        </a>
        <a href="#/my-model" aria-current={view === 'my-model' ? 'page' : undefined}>
          <Icon name="model" /> My model
        </a>
      </nav>
    </header>
  )
}

/** Offers a new version between rounds; or says that this one cannot go on beside another tab's. */
function Update({ updates, status }: { updates: Updates; status: Status | null }) {
  const ready = useStore(updates.ready)
  const idle = !status || status.run.phase === 'idle'
  const apart = status?.failure?.code === 'version' ? status.failure.message : null
  return (
    <div role="status">
      {(apart || (ready && idle)) && (
        <p class="notice">
          <span>{apart ?? 'A new version is ready.'}</span>
          <button type="button" class="button" onClick={() => updates.take()}>
            Reload
          </button>
        </p>
      )}
    </div>
  )
}

/** Loaded when first looked at: the feed does not wait for it. */
function MyModelLater(props: MyModelProps) {
  const [View, setView] = useState<{ it: FunctionComponent<MyModelProps> } | null>(null)
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    import('./my-model/my-model.tsx').then(
      ({ MyModel }) => setView({ it: MyModel }),
      () => setFailed(true),
    )
  }, [])
  if (failed)
    return <p class="fault">This part of the app could not be loaded. Reload the page to try again.</p>
  return View ? <View.it {...props} /> : <p class="quiet">Loading…</p>
}
