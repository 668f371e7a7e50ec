/** A site without a framework or a build: it serves the package's `dist/client` as its own folder /kindred. */
import { createKindred, watchExposures } from '../kindred/index.js'
import { stories } from '../stories.js'

const server = new URLSearchParams(location.search).get('server') ?? 'http://localhost:8787'
const kindred = createKindred({ server })
const exposures = watchExposures(kindred)
const list = document.getElementById('stories')
const state = document.getElementById('state')

const items = new Map(
  stories.map((story) => {
    const item = document.createElement('li')
    const button = document.createElement('button')
    const topic = document.createElement('small')
    button.type = 'button'
    button.ariaPressed = 'false'
    item.dataset.key = story.key
    topic.textContent = story.topic
    button.append(story.title, topic)
    button.addEventListener('click', () => {
      button.ariaPressed = 'true'
      void exposures.click(story.key)
    })
    item.append(button)
    exposures.observe(item, story.key)
    return [story.key, item]
  }),
)
list.append(...items.values())

async function rank() {
  const { order, by } = await kindred.rank(stories)
  list.append(...order.map(({ key }) => items.get(key)))
  list.dataset.by = by?.origin ?? 'nobody'
}
kindred.model.onChange(() => void rank())

const says = { own: 'Ranked by your own model', delivered: 'Ranked by the paper’s model' }
kindred.onStatus(({ phase, waitingFor, missing, model }) => {
  const learning = phase === 'filtering' || phase === 'training'
  const next = waitingFor === 'clicks' ? ` · ${missing} more to learn from` : ''
  state.textContent = learning ? 'Learning …' : model ? says[model.origin] + next : 'As it came'
})

document.getElementById('forget').addEventListener('click', async () => {
  const { here, server } = await kindred.forget()
  for (const button of list.querySelectorAll('button')) button.ariaPressed = 'false'
  list.dataset.forgotten = `${here.events} here, ${server?.events ?? 0} there`
})
