"""What methods are given: click prediction, and the top items of a user."""

from .base import Scores, Task
from .clicks import Clicks
from .top_items import TopItems

__all__ = ["Clicks", "Scores", "Task", "TopItems"]
