import { render } from 'preact';
import { openSession } from './api/session.ts';
import { locale, messages } from './i18n/i18n.ts';
import './styles/base.css';
import './styles/controls.css';
import './styles/overview.css';
import './styles/space.css';
import './styles/tables.css';
import { App } from './views/app.tsx';

document.documentElement.lang = locale;
document.title = messages.title;
const root = document.getElementById('app');
if (root) render(<App />, root);
void openSession();
