import { useEffect, useMemo, useState } from 'preact/hooks'
import { AppError } from '../../shared/error.ts'
import { Mark } from '../parts.tsx'
import type { Ask } from './ask.ts'
import { Devices } from './devices.tsx'
import { BeginExperiment } from './experiments/begin.tsx'
import { ExperimentView } from './experiments/experiment.tsx'
import { Experiments } from './experiments/experiments.tsx'
import { Health } from './health.tsx'
import { type Here, HereContext } from './here.ts'
import { Ledger } from './ledger.tsx'
import { announceArrival, onSaid } from './parts.tsx'
import { ProposalDialog, Said, useProposals } from './proposals.tsx'
import { AddRelease } from './releases/add.tsx'
import { Releases } from './releases/releases.tsx'
import { type Route, routeOf } from './route.ts'
import type { ConsoleSession, Operator } from './session.ts'
import { SignIn } from './sign-in.tsx'
import { DiffView } from './tasks/diff.tsx'
import { TaskView } from './tasks/task.tsx'
import { Tasks } from './tasks/tasks.tsx'
import { t } from './words/index.ts'

interface ConsoleProps {
  session: ConsoleSession
  askAs: (credential: string) => Ask
  now: () => number
}

/** The console of who runs the server: a form until somebody has signed in, then its views. */
export function Console({ session, askAs, now }: ConsoleProps) {
  const [operator, setOperator] = useState(() => session.operator())
  const [why, setWhy] = useState<string | null>(null)
  const signOut = (reason: string | null) => {
    session.end()
    setWhy(reason)
    setOperator(null)
  }
  if (!operator)
    return (
      <SignIn
        why={why}
        askAs={askAs}
        enter={(one) => {
          session.begin(one)
          setOperator(one)
        }}
      />
    )
  return <SignedIn operator={operator} askAs={askAs} now={now} signOut={signOut} />
}

interface SignedInProps extends Omit<ConsoleProps, 'session'> {
  operator: Operator
  signOut: (why: string | null) => void
}

function SignedIn({ operator, askAs, now, signOut }: SignedInProps) {
  const route = useRoute()
  const ask = useMemo(() => {
    const asked = askAs(operator.credential)
    const watched: Ask = (schema, path, body) =>
      asked(schema, path, body).catch((error) => {
        // The server may have another credential by now.
        if (error instanceof AppError && error.code === 'unauthorised') signOut(error.message)
        throw error
      })
    return watched
  }, [operator])
  const { state, propose, answer, changes, forget } = useProposals(ask, operator.who)
  useEffect(() => {
    if (!onSaid()) forget()
  }, [route])
  const here: Here = { ask, now, propose, changes }
  return (
    <HereContext.Provider value={here}>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        {t.skip}
      </button>
      <Header view={route.view} who={operator.who} signOut={() => signOut(null)} />
      <main id="main" class="console" tabIndex={-1}>
        <Said state={state} />
        <View key={JSON.stringify(route)} route={route} />
      </main>
      <ProposalDialog state={state} answer={answer} />
    </HereContext.Provider>
  )
}

function View({ route }: { route: Route }) {
  switch (route.view) {
    case 'releases':
      return <Releases />
    case 'add':
      return <AddRelease {...route} />
    case 'tasks':
      return <Tasks />
    case 'task':
      return <TaskView task={route.task} />
    case 'diff':
      return <DiffView {...route} />
    case 'devices':
      return <Devices />
    case 'experiments':
      return <Experiments />
    case 'begin':
      return <BeginExperiment />
    case 'experiment':
      return <ExperimentView id={route.id} />
    case 'health':
      return <Health />
    case 'ledger':
      return <Ledger to={route.to ?? null} />
    default:
      return route satisfies never
  }
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash))
  useEffect(() => {
    const change = () => {
      announceArrival()
      setRoute(routeOf(location.hash))
      scrollTo({ top: 0, behavior: 'instant' })
    }
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  return route
}

/** By view: its address, and the views that belong to it. */
const TABS: readonly (readonly [name: keyof typeof t.view, href: string, views: readonly Route['view'][]])[] =
  [
    ['releases', '#/', ['releases', 'add']],
    ['tasks', '#/tasks', ['tasks', 'task', 'diff']],
    ['devices', '#/devices', ['devices']],
    ['experiments', '#/experiments', ['experiments', 'begin', 'experiment']],
    ['health', '#/health', ['health']],
    ['ledger', '#/ledger', ['ledger']],
  ]

function Header({ view, who, signOut }: { view: Route['view']; who: string; signOut: () => void }) {
  return (
    <header class="top console-top">
      <a class="wordmark" href="#/" aria-label={t.name}>
        <Mark />
        <span aria-hidden="true">{t.short}</span>
      </a>
      <button type="button" class="button plain" onClick={signOut}>
        {t.signOut} <span class="quiet">({who})</span>
      </button>
      <nav class="views" aria-label={t.views}>
        {TABS.map(([name, href, views]) => (
          <a key={name} href={href} aria-current={views.includes(view) ? 'page' : undefined}>
            {t.view[name]}
          </a>
        ))}
      </nav>
    </header>
  )
}
