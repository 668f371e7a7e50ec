import type { FunctionComponent } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { DeviceApi, Status } from '../shared/protocol.ts'
import type { Feed } from './feed/feed.ts'
import { FeedView } from './feed/feed-view.tsx'
import type { Install } from './install.ts'
import { announceArrival, Icon, Mark } from './parts.tsx'
import { liveStatus } from './phrases.ts'
import { type Route, routeOf } from './route.ts'
import { type Store, useStore } from './store.ts'
import { spoken, t } from './strings/index.ts'
import type { Updates } from './update.ts'

interface AppProps {
  device: DeviceApi
  feed: Feed
  install: Install
  updates: Updates
  status: Store<Status | null>
}

/** The page: a header that stays, and one of its views. */
export function App({ device, feed, install, updates, status: statusStore }: AppProps) {
  useStore(spoken)
  const status = useStore(statusStore)
  const route = useRoute()
  const own = { device, feed, install, status }
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {t.app.skip}
      </button>
      <Header view={route.view} status={status} install={install} />
      <main id="main" tabIndex={-1}>
        <Update updates={updates} status={status} />
        <View route={route} {...own} />
      </main>
    </>
  )
}

type ViewProps = Omit<AppProps, 'updates' | 'status'> & { status: Status | null }

/** The feed is there at once; the others are loaded when first looked at. */
function View({ route, ...own }: ViewProps & { route: Route }) {
  switch (route.view) {
    case 'feed':
      return <FeedView feed={own.feed} status={own.status} />
    case 'item':
      return <Later key={route.key} load={loaders.item} props={{ ...own, item: route.key }} />
    case 'my-model':
      return <Later key="my-model" load={loaders['my-model']} props={own} />
    case 'settings':
      return <Later key="settings" load={loaders.settings} props={own} />
    default:
      return route satisfies never
  }
}

const loaders = {
  item: async () => (await import('./item/item-view.tsx')).ItemView,
  'my-model': async () => (await import('./my-model/my-model.tsx')).MyModel,
  settings: async () => (await import('./settings/settings.tsx')).Settings,
}

type Load<P> = () => Promise<FunctionComponent<P>>
const loaded = new WeakMap<Load<never>, FunctionComponent<never>>()

/** A view whose code is loaded when it is first looked at; after that it is there at once, with its place on the page. */
function Later<P extends object>({ load, props }: { load: Load<P>; props: P }) {
  const [, redraw] = useState({})
  const [failed, setFailed] = useState(false)
  const View = loaded.get(load) as FunctionComponent<P> | undefined
  useEffect(() => {
    if (View) return
    load().then(
      (it) => {
        loaded.set(load, it)
        redraw({})
      },
      () => setFailed(true),
    )
  }, [load, View])
  if (failed)
    return (
      <div class="fault" role="alert">
        <p>{t.app.notLoaded}</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          {t.app.reloadPage}
        </button>
      </div>
    )
  return View ? <View {...props} /> : <p class="quiet">{t.app.loading}</p>
}

/** Where the page is; each view keeps its place on the page, and the focus goes to what is new. */
function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash))
  const scrolled = useRef<Partial<Record<Route['view'], number>>>({})
  useEffect(() => {
    const change = () =>
      setRoute((old) => {
        scrolled.current[old.view] = scrollY
        announceArrival(old.view === 'item' ? old.key : null)
        return routeOf(location.hash)
      })
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  const opened = useRef(false)
  useLayoutEffect(() => {
    const top = route.view === 'item' ? 0 : (scrolled.current[route.view] ?? 0)
    // A page that has just been opened stands where it should; asked to scroll, it would be laid out before it is drawn.
    if (opened.current) scrollTo({ top, behavior: 'instant' })
    opened.current = true
  }, [route])
  return route
}

function Header({ view, status, install }: { view: Route['view']; status: Status | null; install: Install }) {
  const { tone, text } = liveStatus(status)
  const offered = useStore(install.state) === 'offered'
  const here = (...views: Route['view'][]) => (views.includes(view) ? 'page' : undefined)
  return (
    <header class="top">
      <a class="wordmark" href="#/" aria-label={t.app.name}>
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
          <Icon name="install" /> {t.install.short}
        </button>
      )}
      <nav class="tabs" aria-label={t.app.views}>
        <a href="#/" aria-current={here('feed', 'item')}>
          <Icon name="feed" /> {t.app.feed}
        </a>
        <a href="#/my-model" aria-current={here('my-model')}>
          <Icon name="model" /> {t.app.myModel}
        </a>
        <a href="#/settings" aria-current={here('settings')}>
          <Icon name="settings" /> {t.app.settings}
        </a>
      </nav>
    </header>
  )
}

/** Offers a new version between rounds; or says that this one cannot go on beside another tab's. */
function Update({ updates, status }: { updates: Updates; status: Status | null }) {
  const ready = useStore(updates.ready)
  const idle = !status || status.run.phase === 'idle'
  const apart = status?.failure?.code === 'version' ? status.failure : null
  return (
    <div role="status">
      {(apart || (ready && idle)) && (
        <p class="notice">
          <span>
            {apart ? t.failure.version : t.app.newVersion}{' '}
            {apart && (
              <span class="quiet" lang="en">
                {apart.message}
              </span>
            )}
          </span>
          <button type="button" class="button" onClick={() => updates.take()}>
            {t.app.reload}
          </button>
        </p>
      )}
    </div>
  )
}
