"""Kernels forked from one process that has imported what pages import, which takes seconds."""

import os
import signal
import sys
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from ldl.forks import forks

IMPORTED = ["ipykernel.kernelapp", "torch", "ldl.report.lrc", "ldl.report.networks", "ldl.widgets"]


class ForkedKernels(AsyncKernelManager):
    """Starts each kernel as a fork, in ``folder`` and with ``told`` in its environment.

    Set in a subclass, so that threads can start kernels of their own: a process has one folder.
    """

    folder: ClassVar[Path] = Path()
    told: ClassVar[dict[str, str]] = {}

    async def _async_pre_start_kernel(self, **given: Any) -> tuple[list[str], dict[str, Any]]:
        self.provisioner = self.provisioner or _Forked(
            kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self
        )
        return await super()._async_pre_start_kernel(**given)


class _Forked(LocalProvisioner):
    async def launch_kernel(self, cmd: list[str], **given: Any) -> KernelConnectionInfo:
        options = cmd[cmd.index("-f") :]
        kernels: Any = self.parent
        self.cwd = str(kernels.folder.resolve())
        told = (options, self.cwd, given["env"] | kernels.told)
        process = forks(IMPORTED).Process(target=_serve, args=told, daemon=True)  # type: ignore
        process.start()
        self.process: Any = _Child(process)
        self.pid = self.pgid = process.pid
        return self.connection_info


class _Child:
    """A forked kernel, with what a provisioner asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        self.process, self.pid = process, process.pid

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self) -> int | None:
        self.process.join()
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        if self.pid and self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _serve(options: list[str], folder: str, environment: dict[str, str]) -> None:
    """Be a kernel: what ``python -m ipykernel_launcher`` does, in a process of its own group."""
    forked_by, started_by = os.getppid(), parent_process()
    # A kernel whose parents are gone before it looks would wait for them forever.
    if started_by is None or not started_by.is_alive():
        return
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    import matplotlib
    from ipykernel.kernelapp import IPKernelApp

    # The kernel would name it in the environment, which matplotlib has read by now.
    matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    sys.argv = ["ipykernel", *options]
    IPKernelApp.launch_instance(argv=options, parent_handle=forked_by)
