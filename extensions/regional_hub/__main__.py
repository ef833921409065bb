"""`./hub <command>`: finds each command where its room is, and loads no other."""

from __future__ import annotations

from importlib import import_module

import click

# name -> (where, one line of help)
COMMANDS = {
    "up": ("regional_hub.operate.up:up", "Set up and start the hub / 启动"),
    "down": ("regional_hub.operate.up:down", "Stop the hub / 停止"),
    "status": ("regional_hub.operate.up:status", "What runs, and where / 运行状态"),
    "doctor": ("regional_hub.operate.doctor:doctor", "Check the hub from outside and inside / 检查"),
    "install": ("regional_hub.operate.install:install", "Write systemd units and firewall rules / 安装为系统服务"),
    "test": ("regional_hub.operate.test:test", "Check and test the project / 测试"),
    "user": ("regional_hub.core.commands:user", "People: add, invite, disable, enable, list / 用户"),
    "token": ("regional_hub.core.commands:token", "A Hub API token for scripts / API 令牌"),
    "image": ("regional_hub.hub.commands:image", "Images: build, list, verify / 镜像"),
    "lock": ("regional_hub.hub.commands:lock", "Resolve the lock files anew / 更新依赖锁定文件"),
    "sdg": ("regional_hub.sdg.commands:sdg", "SDG database: load, validate, publish, diff / SDG 数据库"),
    "showcase": ("regional_hub.showcase.commands:showcase", "Live apps: list, stop / 在线应用"),
    "sample": ("regional_hub.hub.samples:sample", "Sample data: load, list / 示例数据"),
}


class Rooms(click.Group):
    """A group that imports a command only when it is called, so that each starts at once."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Regional Hub: one command to run it, one to test it."""


if __name__ == "__main__":
    main(prog_name="hub")
