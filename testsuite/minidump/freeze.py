# SPDX-License-Identifier: GPL-3.0-or-later
"""freeze.py SITE FOLDER SCRIPT: a one-file program of PyInstaller's, FOLDER/dist/NAME.exe.  SITE is where pip put PyInstaller."""
import sys

site, folder, script = sys.argv[1:]
sys.path.insert(0, site)
import PyInstaller.__main__  # noqa: E402

PyInstaller.__main__.run(['--onefile', '--distpath', folder + '/dist', '--workpath', folder + '/build', '--specpath', folder,
                          '--hidden-import', 'ctypes', '--hidden-import', 'ctypes.wintypes', script])
