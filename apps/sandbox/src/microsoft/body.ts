/** Bodies: stored as written, shown as HTML or text. Graph wraps HTML, so what is read never equals what was sent. */
import type { EventContent } from './content.ts';

const PREVIEW_CHARS = 255;
const HEAD =
  '<html>\r\n<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>\r\n';

/** @param texts `rewritten`: the text has gone through HTML and come back with the line ends of mail */
export function bodyOf(
  { contentType, content }: EventContent['body'],
  { wanted, texts }: { wanted: 'html' | 'text'; texts: 'kept' | 'rewritten' },
): { contentType: 'html' | 'text'; content: string } {
  if (wanted === 'text') {
    const text = plainText({ contentType, content });
    return { contentType: 'text', content: texts === 'kept' ? text : rewritten(text) };
  }
  if (content === '') return { contentType: 'html', content: '' };
  const html = contentType === 'html' ? content : htmlOf(content);
  const isWhole = /<html[\s>]/i.test(html);
  return {
    contentType: 'html',
    content: isWhole ? html : `${HEAD}<body>\r\n${html}\r\n</body>\r\n</html>\r\n`,
  };
}

export const previewOf = (body: EventContent['body']): string =>
  plainText(body).replaceAll(/\s+/g, ' ').trim().slice(0, PREVIEW_CHARS);

/** What people join an online meeting by: HTML of Microsoft's own, at the end of the text. */
const JOIN_BLOB =
  '<br>\r\n<div>________________________________________</div>\r\n<div class="me-email-text">Microsoft Teams meeting<br>\r\n' +
  '<a href="https://teams.microsoft.com/l/meetup-join/1">Join the meeting now</a></div>\r\n';

export const joinable = ({ contentType, content }: EventContent['body']): boolean =>
  contentType === 'html' && content.includes('class="me-email-text"');

export const withJoinBlob = ({ contentType, content }: EventContent['body']): EventContent['body'] => ({
  contentType: 'html',
  content: `${contentType === 'html' ? content : htmlOf(content)}${JOIN_BLOB}`,
});

const rewritten = (text: string): string => {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  return text.trim() === '' ? '' : `${lines.join('\r\n').trimEnd()}\r\n`;
};

function plainText({ contentType, content }: EventContent['body']): string {
  if (contentType === 'text') return content;
  return content
    .replaceAll(/<br\s*\/?>|<\/(?:p|div)>/gi, '\r\n')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

const htmlOf = (text: string): string => escaped(text).replaceAll('\n', '<br>\r\n');

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
