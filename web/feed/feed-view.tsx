import { useId, useMemo, useRef } from 'preact/hooks'
import type { Status } from '../../shared/protocol.ts'
import { Fault, Icon, Mark, ViewTitle } from '../parts.tsx'
import { origin, runPhase } from '../phrases.ts'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'
import { Card } from './card.tsx'
import type { Feed, FeedState, Serving } from './feed.ts'
import { namesOf } from './name.ts'
import { useReorder, useSteady } from './reorder.ts'
import { useWatch } from './watch.ts'

type Ready = Extract<FeedState, { phase: 'ready' }>

/** The feed: cards in the order that the model on this device gives them. */
export function FeedView({ feed, status }: { feed: Feed; status: Status | null }) {
  const state = useStore(feed.state)
  return (
    <>
      <ViewTitle hidden>{t.app.feed}</ViewTitle>
      {state.phase === 'ready' && <Progress status={status} state={state} />}
      {/* Always in the document, so that what appears in it is read out. */}
      <div aria-live="polite">
        {state.phase === 'ready' && state.reranked > 0 && (
          <Notice key={state.reranked} serving={state.serving} status={status} />
        )}
      </div>
      <Body feed={feed} state={state} status={status} />
    </>
  )
}

function Body({ feed, state, status }: { feed: Feed; state: FeedState; status: Status | null }) {
  switch (state.phase) {
    case 'preparing':
      return <Preparing status={status} />
    case 'failed':
      return <Fault failure={state.failure} retry={() => void feed.start()} />
    case 'ready':
      return <Cards feed={feed} state={state} status={status} />
    default:
      return state satisfies never
  }
}

function Cards({ feed, state, status }: { feed: Feed; state: Ready; status: Status | null }) {
  const list = useRef<HTMLDivElement>(null)
  const { catalogue, ranked, serving, reasons, opened, current } = state
  const titleOf = useMemo(() => namesOf(catalogue), [catalogue])
  const order = JSON.stringify(ranked.map(({ item }) => item.key))
  useReorder(list, order)
  useSteady(list, current)
  useWatch(list, JSON.stringify(ranked.map(({ item }) => item.key).sort()), feed.visible)

  const others = async () => {
    await feed.others()
    scrollTo({ top: 0 })
    list.current?.querySelector('button')?.focus({ preventScroll: true })
  }
  return (
    <>
      {state.trouble && <Fault failure={state.trouble} />}
      <div class="feed" data-testid="feed" ref={list}>
        {ranked.map((card, i) => (
          <Card
            key={card.item.key}
            ranked={card}
            catalogue={catalogue}
            place={i + 1}
            count={ranked.length}
            because={reasons.get(card.item.key)}
            titleOf={titleOf}
            open={current === card.item.key}
            opened={opened.has(card.item.key)}
            onToggle={feed.toggle}
          />
        ))}
      </div>
      <footer class="feed-end">
        <button type="button" class="button primary" onClick={() => void others()}>
          <Icon name="again" /> {t.feed.others}
        </button>
        <ServedBy serving={serving} status={status} />
      </footer>
    </>
  )
}

function ServedBy({ serving, status }: { serving: Serving; status: Status | null }) {
  const own = origin(status, serving.sha256) === 'own'
  return (
    <p
      class="quiet"
      data-testid="serving"
      data-slot={serving.slot}
      data-version={serving.version}
      data-sha256={serving.sha256}
    >
      {own ? t.feed.servedByOwn(serving.version) : t.feed.servedByDelivered(serving.version)}{' '}
      <code>{serving.sha256.slice(0, 8)}</code>
    </p>
  )
}

function Notice({ serving, status }: { serving: Serving; status: Status | null }) {
  const own = origin(status, serving.sha256) === 'own'
  return (
    <p class="notice">
      <Icon name="spark" />
      <span>{own ? t.feed.rerankedByOwn : t.feed.rerankedByDelivered}</span>
    </p>
  )
}

/**
 * What is missing before this device can train, then how far its first training is, until the feed is ranked by what came of
 * it; silent after that.
 */
function Progress({ status, state }: { status: Status | null; state: Ready }) {
  if (!status) return null
  const { run, rounds, samples, serving, waitingFor } = status
  const phase = runPhase(run)
  if (phase) return rounds.length === 0 ? <Bar {...phase} /> : null
  if (waitingFor.reason === 'clicks') {
    const { missing } = waitingFor
    const text = t.waiting.clicks(missing, state.catalogue.noun)
    return <Bar text={text} fraction={samples.clicks / (samples.clicks + missing)} />
  }
  if (waitingFor.reason === 'contrast') return <p class="hint">{t.waiting.contrast}</p>
  // A moment later the first round begins.
  if (waitingFor.reason === 'nothing' && rounds.length === 0 && samples.clicks > 0)
    return <Bar text={t.waiting.nothing} fraction={1} />
  const behind = serving !== null && serving.sha256 !== state.serving.sha256
  return behind && rounds.length === 1 ? <Bar text={t.feed.ranking} fraction={null} /> : null
}

/** `fraction` is in [0, 1]; null while that is not known. */
function Bar({ text, fraction }: { text: string; fraction: number | null }) {
  const id = useId()
  return (
    <div class="hint">
      <p id={id}>{text}</p>
      <progress aria-labelledby={id} value={fraction ?? undefined} max={1} />
    </div>
  )
}

function Preparing({ status }: { status: Status | null }) {
  if (status && !status.online && !status.task) return <Stranded />
  // The device tries again by itself; what it cannot know is whether a newer page would fare better.
  if (status?.failure && !status.task)
    return <Fault failure={status.failure} retry={() => location.reload()} />
  return (
    <div aria-busy="true">
      <p class="preparing-text" role="status">
        {status && !status.task ? t.feed.firstModel : t.feed.ranking}
      </p>
      <div class="feed" aria-hidden="true">
        {[0, 1, 2, 3, 4].map((i) => (
          <div key={i} class="card ghost">
            <div class="picture" />
            <div class="card-body">
              <span />
              <span />
            </div>
          </div>
        ))}
      </div>
    </div>
  )
}

function Stranded() {
  return (
    <div class="stranded">
      <Mark />
      <div role="status">
        <p class="lead">{t.feed.stranded}</p>
        <p>{t.feed.strandedMore}</p>
      </div>
    </div>
  )
}
