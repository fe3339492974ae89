*** Settings ***
Documentation       Budgets in virtual time, held at the slow end of what the data sheet and the core's manual leave open.
Resource            harness/robot/power_cuts.resource
Suite Setup         Prepare The Device If Its Engine Shows Time


*** Test Cases ***
A Start Without An Update Is Quick
    Given The Device Is In Case counter-behind
    When Power Comes On
    Then Application Should Run Within    800ms

An Update Ends In Time
    Given The Device Is In Case update
    When Power Comes On
    Then Application Should Run Within    6s

A Recovery Ends In Time
    Given The Device Is In Case update
    When Power Is Lost At Operation 1000    most
    Then Application Should Run Within    6s

A Slow Flash Still Ends In Time
    [Setup]    Prepare The Device At Its Slowest
    Given The Device Is In Case update
    When Power Comes On
    Then Application Should Run Within    6s
    [Teardown]    Prepare The Device

A Bootloader That Waits Is Found
    [Setup]    Prepare A Device With A Mistake    delay-at-start
    Given The Device Is In Case update
    When Power Comes On
    Then The Harness Reports time_budget


*** Keywords ***
Prepare The Device If Its Engine Shows Time
    Prepare The Device
    Skip Unless Engine Shows    time

Prepare The Device At Its Slowest
    Use Device    ${SCENARIO}    engine=${ENGINE}    timing=maximum
