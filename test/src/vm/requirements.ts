import { tryCommand } from '../lab/index.js';
import { debianPackage } from './debianPackage.js';
import { debianKernel, type Kernel } from './kernel.js';
import { qemu } from './kernelVm.js';

/** Debian's kernel when virtual machines can run here, else why they cannot, for a person to read. */
export async function vmKernel(): Promise<Kernel | string> {
  const { status } = await tryCommand([qemu, '--version']);
  if (status !== 0) return `${qemu} is not installed: apt install qemu-system-x86`;
  try {
    await debianPackage('busybox-static');
    return await debianKernel();
  } catch (error) {
    return `Debian's kernel cannot be had: ${(error as Error).message}`;
  }
}
