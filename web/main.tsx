import { render } from 'preact';
import { openSession } from './api/session.ts';
import { Display } from './display/display.tsx';
import { locale, messages } from './i18n/i18n.ts';
import { displayedSpace } from './route.ts';
import './styles/base.css';
import './styles/controls.css';
import './styles/display.css';
import './styles/overview.css';
import './styles/space.css';
import './styles/tables.css';
import { App } from './views/app.tsx';

document.documentElement.lang = locale;
document.title = messages.title;
const root = document.getElementById('app');
const spaceId = displayedSpace();
if (root) render(spaceId === undefined ? <App /> : <Display spaceId={spaceId} />, root);
if (spaceId === undefined) void openSession();
