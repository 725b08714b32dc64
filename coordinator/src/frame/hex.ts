import { FrameError, maxFrame, minFrame } from './frame-error.js';

/** A frame as hexadecimal digits; spaces and colons between bytes are fine. @throws FrameError */
export function hexFrame(text: string): Buffer {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  const bad = /[^0-9a-f]/i.exec(digits)?.[0];
  if (bad !== undefined) throw new FrameError(`"${bad}" is no hexadecimal digit`);
  if (digits.length % 2 !== 0) throw new FrameError('an odd number of hexadecimal digits: a byte has two');
  return checkFrame(Buffer.from(digits, 'hex'));
}

/** @throws FrameError when it is too short or too long to be traced */
export function checkFrame(frame: Buffer): Buffer {
  if (frame.length < minFrame)
    throw new FrameError(`the frame has ${frame.length} bytes; an Ethernet header has ${minFrame}`);
  if (frame.length > maxFrame)
    throw new FrameError(`the frame has ${frame.length} bytes; at most ${maxFrame} are possible`);
  return frame;
}
