import '../../shared/no-eval.ts'
import './console.css'
import { render } from 'preact'
import { apply, chosenLook } from '../look.ts'
import { createAsk } from './ask.ts'
import { Console } from './console.tsx'
import { createConsoleSession } from './session.ts'
import { beginWords } from './words/index.ts'

apply(chosenLook())
void beginWords().then(() =>
  render(
    <Console session={createConsoleSession(sessionStorage)} askAs={createAsk} now={() => Date.now()} />,
    document.getElementById('app')!,
  ),
)
